import { assert } from '../base/assert.ts'

/** The smallest block that is given out. */
export const receiveBlockBytes = 64 << 10

/** A part of it, one of so many, is kept from requests that wait for the log: others go on while the log is full. */
const reserveShare = 4

/**
 * Receive memory of one network worker, given out in blocks of powers of two (buddies). The block that came back last is
 * given out first: it is still in the cache, and memory that is never needed is never touched.
 */
export class ReceiveBuffers {
  readonly #base: number
  readonly #levels: number
  /** Free blocks of each size, by offset; level 0 is the smallest. */
  readonly #free: Set<number>[]
  #freeBytes: number
  /** Of what is given out: what requests that are under way lie in. */
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

  /** Whether more requests may wait in it. */
  get hasRoom(): boolean {
    return this.heldBytes <= this.bytes - this.bytes / reserveShare
  }

  /** Whether this much more may be given out to one connection, which can do with the smallest block. */
  isLavish(bytes: number): boolean {
    return this.heldBytes === 0 || this.#freeBytes - bytes >= this.bytes / reserveShare
  }

  /** The size of the block that `bytes` would get; undefined beyond the largest. */
  sizeFor(bytes: number): number | undefined {
    const level = this.#levelFor(bytes)
    return level < this.#levels ? receiveBlockBytes * 2 ** level : undefined
  }

  /** Address of a block, or -1 when none of the size is free. */
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

  /** Joins a block with its free neighbour: address of one twice as large that the block is a half of, or -1. */
  grow(address: number, bytes: number): number {
    const level = this.#levelFor(bytes)
    const offset = address - this.#base
    const buddy = offset ^ this.#sizeOf(level)
    if (level === this.#levels - 1 || !this.#free[level]!.delete(buddy)) return -1
    this.#freeBytes -= this.#sizeOf(level)
    return this.#base + Math.min(offset, buddy)
  }

  /** Gives back what `take(bytes)` gave. */
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
