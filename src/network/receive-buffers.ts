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
  readonly #free: FreeBlocks
  #freeBytes: number
  /** Bytes of allocated blocks that contain requests in progress. */
  heldBytes = 0

  /** `bytes` is the smallest block times a power of two. */
  constructor(base: number, bytes: number) {
    this.#base = base
    this.#levels = Math.log2(bytes / receiveBlockBytes) + 1
    assert(Number.isInteger(this.#levels), 'receive memory is a power of two of its blocks')
    this.#free = new FreeBlocks(this.#levels)
    this.#free.push(this.#levels - 1, 0)
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
  hasSpare(bytes: number): boolean {
    return this.heldBytes === 0 || this.#freeBytes - bytes >= this.bytes / reserveShare
  }

  /** Size of the block for `bytes`; undefined above the largest size. */
  sizeFor(bytes: number): number | undefined {
    const level = this.#levelFor(bytes)
    return level < this.#levels ? this.#sizeOf(level) : undefined
  }

  /** Returns the address of a block, or -1 when no block of the size is free. */
  take(bytes: number): number {
    const wanted = this.#levelFor(bytes)
    let level = wanted
    while (level < this.#levels && this.#free.isEmpty(level)) level++
    if (level >= this.#levels) return -1
    const offset = this.#free.pop(level)
    while (level > wanted) {
      level--
      this.#free.push(level, offset + this.#sizeOf(level))
    }
    this.#freeBytes -= this.#sizeOf(wanted)
    assert(this.#freeBytes >= 0, 'no more bytes are allocated than there are')
    return this.#base + offset
  }

  /** Merges a block with its free buddy. Returns the address of the merged block, which is twice as large, or -1. */
  grow(address: number, bytes: number): number {
    const level = this.#levelFor(bytes)
    const offset = address - this.#base
    const buddy = offset ^ this.#sizeOf(level)
    if (level === this.#levels - 1 || !this.#free.delete(level, buddy)) return -1
    this.#freeBytes -= this.#sizeOf(level)
    return this.#base + Math.min(offset, buddy)
  }

  /** Releases a block allocated by `take(bytes)`. */
  release(address: number, bytes: number): void {
    let level = this.#levelFor(bytes)
    let offset = address - this.#base
    this.#freeBytes += this.#sizeOf(level)
    while (level < this.#levels - 1) {
      const buddy = offset ^ this.#sizeOf(level)
      if (!this.#free.delete(level, buddy)) break
      offset = Math.min(offset, buddy)
      level++
    }
    this.#free.push(level, offset)
    assert(this.#freeBytes <= this.bytes, 'no more bytes are released than were allocated')
  }

  #sizeOf(level: number): number {
    return receiveBlockBytes * (1 << level)
  }

  #levelFor(bytes: number): number {
    let level = 0
    while (this.#sizeOf(level) < bytes) level++
    return level
  }
}

const none = -1

/** Free blocks of each level as stacks, by offset; level 0 is the smallest. A block can be removed from the middle of its stack. */
class FreeBlocks {
  /** Top of the stack of each level, as an index of smallest blocks. */
  readonly #top: Int32Array
  /** Neighbours in the stack, and the level, of the free block that starts at an index. */
  readonly #below: Int32Array
  readonly #above: Int32Array
  readonly #level: Int8Array

  constructor(levels: number) {
    const blocks = 2 ** (levels - 1)
    this.#top = new Int32Array(levels).fill(none)
    this.#below = new Int32Array(blocks)
    this.#above = new Int32Array(blocks)
    this.#level = new Int8Array(blocks).fill(none)
  }

  isEmpty(level: number): boolean {
    return this.#top[level] === none
  }

  push(level: number, offset: number): void {
    const block = offset / receiveBlockBytes
    assert(this.#level[block] === none, 'a block is released once')
    const below = this.#top[level]!
    if (below !== none) this.#above[below] = block
    this.#below[block] = below
    this.#above[block] = none
    this.#level[block] = level
    this.#top[level] = block
  }

  /** Offset of the block that was pushed last. */
  pop(level: number): number {
    const offset = this.#top[level]! * receiveBlockBytes
    this.delete(level, offset)
    return offset
  }

  /** Returns false if no block of the level is free at the offset. */
  delete(level: number, offset: number): boolean {
    const block = offset / receiveBlockBytes
    if (this.#level[block] !== level) return false
    const below = this.#below[block]!
    const above = this.#above[block]!
    if (below !== none) this.#above[below] = above
    if (above !== none) this.#below[above] = below
    else this.#top[level] = below
    this.#level[block] = none
    return true
  }
}
