import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The validation kernel lies beside the build, which is where this file is, or beside it. */
const candidates = ['../validation.wasm', '../dist/validation.wasm'].map((path) => fileURLToPath(new URL(path, import.meta.url)))

let compiled: WebAssembly.Module | undefined

/** The compiled validation kernel, once for each thread. */
export function validationModule(): WebAssembly.Module {
  const path = candidates.find((candidate) => existsSync(candidate))
  if (path === undefined) throw new Error(`the validation kernel is missing: expected ${candidates.join(' or ')}`)
  compiled ??= new WebAssembly.Module(readFileSync(path))
  return compiled
}
