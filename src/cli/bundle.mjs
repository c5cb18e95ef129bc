/**
 * Bundles the threads of a node from the build into `dist/program`: a node loads a few files in place of some 600 modules, which is a third
 * of the time and of the processor time of its start. Packages stay outside. Plain JavaScript: it runs before there is a build.
 */
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** Other names are of packages, or of Node.js. */
const isOwn = (name) => /^[./]/.test(name)

/** `root` is the folder of the project. Rejects with the message of the bundler. */
export async function bundleProgram(root) {
  const { rolldown } = await import('rolldown')
  const workers = join(root, 'dist', 'workers')
  // A folder of the build keeps the files of removed sources.
  const entries = readdirSync(workers).filter(
    (name) => name.endsWith('.js') && existsSync(join(root, 'workers', name.replace(/js$/, 'ts'))),
  )
  const input = Object.fromEntries(entries.map((name) => [name.slice(0, -'.js'.length), join(workers, name)]))
  const build = await rolldown({ input, platform: 'node', external: (name) => !isOwn(name), treeshake: false })
  const folder = join(root, 'dist', 'program')
  rmSync(folder, { recursive: true, force: true })
  await build.write({ dir: folder, format: 'esm' })
  await build.close()
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await bundleProgram(dirname(dirname(dirname(fileURLToPath(import.meta.url)))))
}
