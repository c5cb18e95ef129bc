import { assert } from '../base/assert.ts'

/** Size of the smallest block. */
export const receiveBlockBytes = 64 << 10

/** One part in this many is reserved: requests that wait for the log cannot use it. Other requests proceed while the log is full. */
const reserveShare = 4

/**
 * Receive buffers of one network worker, allocated in blocks of powers of two (buddy allocator). The block released last is allocated
 * first: it is still in the CPU cache, and memory that is never needed is never touched.
 */
export class ReceiveBuffers {
  readonly #base: number
  readonly #levels: number
  /** Free blocks of each size, by offset; level 0 is the smallest. */
  readonly #free: Set<number>[]
  #freeBytes: number
  /** Bytes of allocated blocks that contain requests in progress. */
  heldBytes = 0

  /** `bytes` is the smallest block times a power of two. */
  constructor(base: number, bytes: number) {
    this.#base = base
    this.#levels = Math.log2(bytes / receiveBlockBytes) + 1
    assert(Number.isInteger(this.#levels), 'receive memory is a power of two of its blocks')
    this.#free = Array.from({ length: this.#levels }, () => new Set<number>())
    this.#free[this.#levels - 1]!.add(0)
    this.#freeBytes = bytes
  }

  get bytes(): number {
    return this.#sizeOf(this.#levels - 1)
  }
  get freeBytes(): number {
    return this.#freeBytes
  }

  /** Whether more requests may wait in the receive buffers. */
  get hasRoom(): boolean {
    return this.heldBytes <= this.bytes - this.bytes / reserveShare
  }

  /** Whether one connection may get this many more bytes, although the smallest block is enough for it. */
  isLavish(bytes: number): boolean {
    return this.heldBytes === 0 || this.#freeBytes - bytes >= this.bytes / reserveShare
  }

  /** Size of the block for `bytes`; undefined above the largest size. */
  sizeFor(bytes: number): number | undefined {
    const level = this.#levelFor(bytes)
    return level < this.#levels ? receiveBlockBytes * 2 ** level : undefined
  }

  /** Returns the address of a block, or -1 when no block of the size is free. */
  take(bytes: number): number {
    const wanted = this.#levelFor(bytes)
    let level = wanted
    while (level < this.#levels && this.#free[level]!.size === 0) level++
    if (level >= this.#levels) return -1
    const offset = last(this.#free[level]!)
    this.#free[level]!.delete(offset)
    while (level > wanted) {
      level--
      this.#free[level]!.add(offset + this.#sizeOf(level))
    }
    this.#freeBytes -= this.#sizeOf(wanted)
    return this.#base + offset
  }

  /** Merges a block with its free buddy. Returns the address of the merged block, which is twice as large, or -1. */
  grow(address: number, bytes: number): number {
    const level = this.#levelFor(bytes)
    const offset = address - this.#base
    const buddy = offset ^ this.#sizeOf(level)
    if (level === this.#levels - 1 || !this.#free[level]!.delete(buddy)) return -1
    this.#freeBytes -= this.#sizeOf(level)
    return this.#base + Math.min(offset, buddy)
  }

  /** Releases a block allocated by `take(bytes)`. */
  give(address: number, bytes: number): void {
    let level = this.#levelFor(bytes)
    let offset = address - this.#base
    this.#freeBytes += this.#sizeOf(level)
    while (level < this.#levels - 1) {
      const buddy = offset ^ this.#sizeOf(level)
      if (!this.#free[level]!.delete(buddy)) break
      offset = Math.min(offset, buddy)
      level++
    }
    this.#free[level]!.add(offset)
  }

  #sizeOf(level: number): number {
    return receiveBlockBytes * 2 ** level
  }

  #levelFor(bytes: number): number {
    let level = 0
    while (this.#sizeOf(level) < bytes) level++
    return level
  }
}

function last(offsets: Set<number>): number {
  let found = -1
  for (const offset of offsets) found = offset
  return found
}
