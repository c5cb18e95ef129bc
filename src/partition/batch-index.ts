import { assert } from '../base/assert.ts'

/** Entries of a block. A search skips a block by its summary, so it reads a few blocks and one summary for each of the others. */
const blockBits = 10
const blockEntries = 1 << blockBits
/** A smaller index has no summaries: all its entries are read. */
const summarizedEntriesMin = 4 * blockEntries

/**
 * Locations of the batches of one partition in the WAL, oldest first. Columns instead of objects: a batch costs 36 bytes and no garbage.
 * Offsets and positions are 53-bit numbers.
 *
 * A large index also has the greatest timestamp and the bytes of each block of entries. With a million entries, a sum or a search by
 * timestamp then takes microseconds.
 *
 * Invariant: offsets and positions ascend; entry i has the offsets from its base up to the base of entry i + 1.
 */
export class BatchIndex {
  #base = new Float64Array(16)
  #position = new Float64Array(16)
  #maxTimestamp = new Float64Array(16)
  #bytes = new Uint32Array(16)
  #count = new Uint32Array(16)
  /** Of each block of slots: valid for a block without a dropped entry, an upper bound for the one that contains the oldest entry. */
  #blockMaxTimestamp = new Float64Array(0)
  #blockBytes = new Float64Array(0)
  #first = 0
  #length = 0

  get length(): number {
    return this.#length
  }

  /** Base offset; `index` counts from the oldest entry. */
  base(index: number): number {
    return this.#base[this.#slot(index)]!
  }
  /** Position of the batch itself, after its record header. */
  position(index: number): number {
    return this.#position[this.#slot(index)]!
  }
  bytes(index: number): number {
    return this.#bytes[this.#slot(index)]!
  }
  /** Number of offsets of the batch. */
  count(index: number): number {
    return this.#count[this.#slot(index)]!
  }
  maxTimestamp(index: number): number {
    return this.#maxTimestamp[this.#slot(index)]!
  }
  end(index: number): number {
    const slot = this.#slot(index)
    return this.#position[slot]! + this.#bytes[slot]!
  }

  push(base: number, count: number, position: number, bytes: number, maxTimestamp: number): void {
    if (this.#length === this.#capacity()) this.#grow()
    const slot = (this.#first + this.#length) & (this.#base.length - 1)
    assert(this.#length === 0 || position >= this.end(this.#length - 1), 'positions of batches ascend')
    this.#base[slot] = base
    this.#count[slot] = count
    this.#position[slot] = position
    this.#bytes[slot] = bytes
    this.#maxTimestamp[slot] = maxTimestamp
    this.#length++
    if (this.#blockBytes.length > 0) this.#summarize(slot)
  }

  /** Removes the oldest entries. */
  dropFirst(count: number): void {
    assert(count <= this.#length, 'no more entries are dropped than there are')
    this.#first = (this.#first + count) & (this.#base.length - 1)
    this.#length -= count
  }

  /** Index of the last entry whose base is at most `offset`; -1 when all are greater. */
  find(offset: number): number {
    let low = 0
    let high = this.#length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.base(middle) <= offset) low = middle + 1
      else high = middle
    }
    return low - 1
  }

  /** Number of entries that end at `position` or before; the first `from` entries are assumed to. */
  countEndingBy(position: number, from = 0): number {
    let low = from
    let high = this.#length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.end(middle) <= position) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Bytes of the entries [from, to). */
  bytesBetween(from: number, to: number): number {
    let bytes = 0
    for (let i = from; i < to; ) {
      const slot = this.#slot(i)
      if (this.#isBlock(slot, i, to)) {
        bytes += this.#blockBytes[slot >> blockBits]!
        i += blockEntries
      } else {
        bytes += this.#bytes[slot]!
        i++
      }
    }
    return bytes
  }

  /** The first of the entries [from, to) with a largest timestamp of at least `timestamp`; -1 if there is none. */
  firstSince(timestamp: number, from: number, to: number): number {
    for (let i = from; i < to; ) {
      const slot = this.#slot(i)
      if (this.#isBlock(slot, i, to) && this.#blockMaxTimestamp[slot >> blockBits]! < timestamp) i += blockEntries
      else if (this.#maxTimestamp[slot]! >= timestamp) return i
      else i++
    }
    return -1
  }

  /** The first of the entries [from, to) with the greatest timestamp; -1 if there are no entries. */
  latest(from: number, to: number): number {
    let greatest = Number.NEGATIVE_INFINITY
    /** The entry, or the first entry of its block. */
    let found = -1
    for (let i = from; i < to; ) {
      const slot = this.#slot(i)
      const isBlock = this.#isBlock(slot, i, to)
      const timestamp = isBlock ? this.#blockMaxTimestamp[slot >> blockBits]! : this.#maxTimestamp[slot]!
      if (found < 0 || timestamp > greatest) {
        greatest = timestamp
        found = i
      }
      i += isBlock ? blockEntries : 1
    }
    return found < 0 ? -1 : this.firstSince(greatest, found, to)
  }

  #slot(index: number): number {
    return (this.#first + index) & (this.#base.length - 1)
  }

  /** Entry `i` of the range that ends at `to` is the first of a block that is in the range as a whole. */
  #isBlock(slot: number, i: number, to: number): boolean {
    return (slot & (blockEntries - 1)) === 0 && i + blockEntries <= to && this.#blockBytes.length > 0
  }

  /** With summaries, the newest entry is never in the block of the oldest. */
  #capacity(): number {
    return this.#base.length - (this.#blockBytes.length > 0 ? blockEntries : 0)
  }

  /** Adds the entry in a slot to the summary of its block. */
  #summarize(slot: number): void {
    const block = slot >> blockBits
    const isFirst = (slot & (blockEntries - 1)) === 0
    const timestamp = this.#maxTimestamp[slot]!
    this.#blockBytes[block] = (isFirst ? 0 : this.#blockBytes[block]!) + this.#bytes[slot]!
    this.#blockMaxTimestamp[block] = isFirst ? timestamp : Math.max(this.#blockMaxTimestamp[block]!, timestamp)
  }

  #grow(): void {
    const bigger = this.#base.length * 2
    this.#base = this.#unrolled(this.#base, new Float64Array(bigger))
    this.#position = this.#unrolled(this.#position, new Float64Array(bigger))
    this.#maxTimestamp = this.#unrolled(this.#maxTimestamp, new Float64Array(bigger))
    this.#bytes = this.#unrolled(this.#bytes, new Uint32Array(bigger))
    this.#count = this.#unrolled(this.#count, new Uint32Array(bigger))
    this.#first = 0
    if (bigger < summarizedEntriesMin) return
    this.#blockMaxTimestamp = new Float64Array(bigger >> blockBits)
    this.#blockBytes = new Float64Array(bigger >> blockBits)
    for (let slot = 0; slot < this.#length; slot++) this.#summarize(slot)
  }

  #unrolled<T extends Float64Array | Uint32Array>(from: T, to: T): T {
    to.set(from.subarray(this.#first), 0)
    to.set(from.subarray(0, this.#first), from.length - this.#first)
    return to
  }
}
