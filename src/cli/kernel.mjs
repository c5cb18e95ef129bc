/** Compiles the validation kernel from AssemblyScript into `dist/validation.wasm`. Plain JavaScript: it runs before there is a build. */
import { mkdirSync } from 'node:fs'
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
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await compileKernel(dirname(dirname(dirname(fileURLToPath(import.meta.url)))))
}
