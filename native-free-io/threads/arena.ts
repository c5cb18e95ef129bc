import { writeTables } from '../../src/pipeline/kernel/kernel.ts'

/**
 * The memory that all threads share. A shared WebAssembly memory is page aligned, so direct I/O of plain `fs` works on it, and the kernel
 * works on it in place. Untouched pages occupy no physical memory.
 */
export function createArena(pages: number): WebAssembly.Memory {
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true })
  writeTables(memory)
  return memory
}

/** One memory as words, bytes and a view. */
export interface Arena {
  readonly memory: WebAssembly.Memory
  readonly words: Int32Array
  readonly bytes: Buffer
  readonly view: DataView
}

export function openArena(memory: WebAssembly.Memory): Arena {
  return {
    memory,
    words: new Int32Array(memory.buffer),
    bytes: Buffer.from(memory.buffer),
    view: new DataView(memory.buffer),
  }
}
