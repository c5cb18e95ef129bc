/**
 * Compiles the validation kernel from AssemblyScript into `dist/validation.wasm`, which imports a shared memory, and `dist/decoding.wasm`,
 * which is the same and imports a memory of one thread. Plain JavaScript: it runs before there is a build.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const source = 'src/pipeline/validation/kernel/run.ts'

const options = [
  ...['--importMemory', '--sharedMemory', '--initialMemory', '1', '--maximumMemory', '65536'],
  ...['--enable', 'threads', '--enable', 'simd', '--enable', 'bulk-memory'],
  ...['--runtime', 'stub', '--noAssert', '-O3', '--converge', '--disable', 'nontrapping-f2i'],
]

/** `root` is the folder of the project. Throws the compiler's message. */
export async function compileKernel(root) {
  const { main } = await import('assemblyscript/asc')
  mkdirSync(join(root, 'dist'), { recursive: true })
  const { error, stderr } = await main([source, '--outFile', 'dist/validation.wasm', '--baseDir', root, ...options])
  if (error) throw new Error(`the validation kernel does not compile: ${stderr.toString()}`)
  writeFileSync(join(root, 'dist', 'decoding.wasm'), withOwnMemory(readFileSync(join(root, 'dist', 'validation.wasm'))))
}

/** The import of `env.memory`: two names, the kind, and limits with a maximum. Source: WebAssembly Core 2.0, 5.4; threads proposal. */
const memoryImport = Buffer.from('\x03env\x06memory\x02\x03', 'latin1')
const sharedLimits = 2

/** The module with a memory that is not shared: nothing in it is atomic. */
function withOwnMemory(module) {
  const at = module.indexOf(memoryImport)
  if (at < 0 || module.indexOf(memoryImport, at + 1) >= 0) throw new Error('the validation kernel does not import one shared memory')
  module[at + memoryImport.length - 1] &= ~sharedLimits
  return module
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await compileKernel(dirname(dirname(dirname(fileURLToPath(import.meta.url)))))
}
