import { assert } from '../../src/base/assert.ts'

const capacityMin = 256

/** Start of each batch of a segment: its base offset and its position in the file. 16 bytes for a batch. */
export class BatchPositions {
  #offsets = new Float64Array(capacityMin)
  #positions = new Float64Array(capacityMin)
  #count = 0

  get count(): number {
    return this.#count
  }

  add(offset: number, position: number): void {
    if (this.#count === this.#offsets.length) {
      this.#offsets = doubled(this.#offsets)
      this.#positions = doubled(this.#positions)
    }
    this.#offsets[this.#count] = offset
    this.#positions[this.#count++] = position
  }

  /** Keeps the first `count` batches. */
  truncate(count: number): void {
    assert(count <= this.#count, 'batches are removed, not added')
    this.#count = count
  }

  offset(index: number): number {
    assert(index >= 0 && index < this.#count, 'the batch is in the segment')
    return this.#offsets[index]!
  }

  position(index: number): number {
    assert(index >= 0 && index < this.#count, 'the batch is in the segment')
    return this.#positions[index]!
  }

  /** Number of batches that begin below an offset. */
  countBelow(offset: number): number {
    let low = 0
    let high = this.#count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#offsets[middle]! < offset) low = middle + 1
      else high = middle
    }
    return low
  }
}

function doubled(values: Float64Array): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(values.length * 2)
  larger.set(values)
  return larger
}
