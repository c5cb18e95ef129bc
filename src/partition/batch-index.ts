import { assert } from '../base/assert.ts'

/**
 * Locations of the batches of one partition in the WAL, oldest first. Columns instead of objects: a batch costs 36 bytes and no garbage.
 * Offsets and positions are 53-bit numbers.
 *
 * Invariant: offsets and positions ascend; entry i has the offsets from its base up to the base of entry i + 1.
 */
export class BatchIndex {
  #base = new Float64Array(16)
  #position = new Float64Array(16)
  #maxTimestamp = new Float64Array(16)
  #bytes = new Uint32Array(16)
  #count = new Uint32Array(16)
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
    if (this.#length === this.#base.length) this.#grow()
    const slot = (this.#first + this.#length) & (this.#base.length - 1)
    this.#base[slot] = base
    this.#count[slot] = count
    this.#position[slot] = position
    this.#bytes[slot] = bytes
    this.#maxTimestamp[slot] = maxTimestamp
    this.#length++
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

  #slot(index: number): number {
    return (this.#first + index) & (this.#base.length - 1)
  }

  #grow(): void {
    const bigger = this.#base.length * 2
    this.#base = this.#unrolled(this.#base, new Float64Array(bigger))
    this.#position = this.#unrolled(this.#position, new Float64Array(bigger))
    this.#maxTimestamp = this.#unrolled(this.#maxTimestamp, new Float64Array(bigger))
    this.#bytes = this.#unrolled(this.#bytes, new Uint32Array(bigger))
    this.#count = this.#unrolled(this.#count, new Uint32Array(bigger))
    this.#first = 0
  }

  #unrolled<T extends Float64Array | Uint32Array>(from: T, to: T): T {
    to.set(from.subarray(this.#first), 0)
    to.set(from.subarray(0, this.#first), from.length - this.#first)
    return to
  }
}
