/**
 * Bundles the threads of a node from the build into `dist/program`: a node loads a few files in place of some 600 modules, which is a third
 * of the time and of the processor time of its start. Packages stay outside. Plain JavaScript: it runs before there is a build.
 */
import { readdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** Other names are of packages, or of Node.js. */
const isOwn = (name) => /^[./]/.test(name)

/** `root` is the folder of the project. Rejects with the message of the bundler. */
export async function bundleProgram(root) {
  const { rolldown } = await import('rolldown')
  // From the sources: the build keeps the files of removed ones.
  const names = readdirSync(join(root, 'workers')).flatMap((file) => (file.endsWith('.ts') ? [file.slice(0, -'.ts'.length)] : []))
  const input = Object.fromEntries(names.map((name) => [name, join(root, 'dist', 'workers', `${name}.js`)]))
  const build = await rolldown({ input, platform: 'node', external: (name) => !isOwn(name), treeshake: false })
  const folder = join(root, 'dist', 'program')
  rmSync(folder, { recursive: true, force: true })
  await build.write({ dir: folder, format: 'esm' })
  await build.close()
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await bundleProgram(dirname(dirname(dirname(fileURLToPath(import.meta.url)))))
}
