import { kernelBytes } from '../../src/pipeline/kernel/kernel.ts'
import type { BlockMemory } from '../../src/ports/object-jobs.ts'
import { alignBlock } from '../../src/wal/wal-record.ts'
import { createArena, openArena } from './arena.ts'

/** Total memory of copies of cold records in answers. */
export const copiesBytes = 32 << 20

/** A block cache of `size` bytes, and memory for copies, in memory that all threads share, after the tables of the kernel. */
export function createBlockMemory(size: number): BlockMemory & { readonly memory: WebAssembly.Memory } {
  const base = alignBlock(kernelBytes)
  const copies = { base: alignBlock(base + size), size: copiesBytes }
  const { memory, bytes, view } = openArena(createArena(Math.ceil((copies.base + copies.size) / 65536)))
  return { memory, bytes, view, base, size, copies }
}
