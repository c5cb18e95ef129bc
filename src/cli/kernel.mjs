/** Compiles the validation kernel from AssemblyScript into `dist/validation.wasm`. Plain JavaScript: it runs before there is a build. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'

const options = [
  ...['--importMemory', '--sharedMemory', '--initialMemory', '1', '--maximumMemory', '65536'],
  ...['--enable', 'threads', '--enable', 'simd', '--enable', 'bulk-memory'],
  ...['--runtime', 'stub', '--noAssert', '-O3', '--converge', '--disable', 'nontrapping-f2i'],
]

/** @param {string} root Folder of the project. */
export async function compileKernel(root) {
  const { main } = await import('assemblyscript/asc')
  mkdirSync(join(root, 'dist'), { recursive: true })
  const source = join('src', 'pipeline', 'validation', 'kernel', 'index.ts')
  const { error, stderr } = await main([source, '--outFile', join('dist', 'validation.wasm'), '--baseDir', root, ...options])
  if (error) throw new Error(`the validation kernel does not compile: ${stderr.toString()}`)
}
