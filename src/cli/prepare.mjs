/**
 * Installs and builds what a fresh clone lacks, so that `npm start` and `npm test` each work by themselves.
 * Plain JavaScript: it runs before there is a compiler.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const sourceFolders = ['src', 'workers', 'native-free-io', 'test', 'bench']
const stamp = join(root, 'dist', '.tsbuildinfo')
/** The validation kernel is AssemblyScript and has a compiler of its own. */
const kernelFolder = join('src', 'pipeline', 'validation', 'kernel')
const program = join(root, 'dist', 'program', 'main.js')
const kernelFiles = ['validation.wasm', 'decoding.wasm'].map((name) => join(root, 'dist', name))

/** A published package carries `dist` and no compiler configuration: nothing is left to prepare. */
export function prepare() {
  if (!existsSync(join(root, 'tsconfig.json'))) return
  if (isOlder(join(root, 'node_modules', '.package-lock.json'), [join(root, 'package-lock.json')])) {
    say('installing packages')
    run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'])
  }
  if (isOlder(stamp, newestSources())) {
    say('building')
    // `npm run check` verifies types. A first start does not wait for that.
    run(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', join(root, 'tsconfig.json'), '--noCheck'])
  }
  if (kernelFiles.some((file) => isOlder(file, sourcesIn(kernelFolder)))) run(process.execPath, [join(root, 'src', 'cli', 'kernel.mjs')])
  if (isOlder(program, [stamp, join(root, 'src', 'cli', 'bundle.mjs')])) run(process.execPath, [join(root, 'src', 'cli', 'bundle.mjs')])
}

function isOlder(target, sources) {
  if (!existsSync(target)) return true
  const built = statSync(target).mtimeMs
  return sources.some((path) => statSync(path).mtimeMs > built)
}

function newestSources() {
  return [join(root, 'tsconfig.json'), ...sourceFolders.flatMap(sourcesIn)]
}

function sourcesIn(folder) {
  if (!existsSync(join(root, folder))) return []
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
}

function run(command, args) {
  const done = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] })
  if (done.status !== 0) {
    say(`${command} ${args[0]} ended with ${done.error?.message ?? done.status}`)
    process.exit(1)
  }
}

const say = (line) => process.stderr.write(`millrace: ${line}\n`)

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) prepare()
