import { writeTables } from '../../src/pipeline/kernel/kernel.ts'

/**
 * The memory that all threads share. A shared WebAssembly memory is page aligned, so direct I/O works on it from plain
 * `fs`, and the kernel works on it in place. Pages that nobody touches take no room.
 */
export function createArena(pages: number): WebAssembly.Memory {
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true })
  writeTables(memory)
  return memory
}

/** One memory, seen as words, bytes and a view. */
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
