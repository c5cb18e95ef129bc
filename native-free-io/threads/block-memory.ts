import { kernelBytes } from '../../src/pipeline/kernel/kernel.ts'
import type { BlockMemory } from '../../src/ports/object-jobs.ts'
import { alignBlock } from '../../src/wal/wal-record.ts'
import { createArena, openArena } from './arena.ts'

/** A block cache of `size` bytes in memory that all threads share, after the tables of the kernel. */
export function createBlockMemory(size: number): BlockMemory & { readonly memory: WebAssembly.Memory } {
  const base = alignBlock(kernelBytes)
  const { memory, bytes, view } = openArena(createArena(Math.ceil((base + size) / 65536)))
  return { memory, bytes, view, base, size }
}
