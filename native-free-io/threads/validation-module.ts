import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/**
 * A module of the validation kernel, compiled once in each thread. Its file is in the build, which contains this file, or the bundled program
 * that this file is part of, or is beside it.
 */
function moduleFrom(file: string): () => WebAssembly.Module {
  const candidates = [`../../${file}`, `../${file}`, `../../dist/${file}`].map((path) => fileURLToPath(new URL(path, import.meta.url)))
  let compiled: WebAssembly.Module | undefined
  return () => {
    const path = candidates.find((candidate) => existsSync(candidate))
    if (path === undefined) throw new Error(`the validation kernel is missing: expected ${candidates.join(' or ')}`)
    compiled ??= new WebAssembly.Module(readFileSync(path))
    return compiled
  }
}

/** For the shared memory of the pipeline. */
export const validationModule = moduleFrom('validation.wasm')
/** The same module for a memory of one thread. */
export const decodingModule = moduleFrom('decoding.wasm')
