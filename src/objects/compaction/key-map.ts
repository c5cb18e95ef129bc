import { assert } from '../../base/assert.ts'

/** Size of a hash: large enough that two keys never collide. */
export const keyHashBytes = 16
const words = keyHashBytes / 4
const slotBytes = keyHashBytes + Float64Array.BYTES_PER_ELEMENT
/** Maximum share of used slots. Above it, a lookup needs too many steps. */
const loadMax = 0.9
const slotsFirst = 1024

/**
 * The last offset of every key in the scanned part of a partition: 24 bytes per key, regardless of its length. The map grows up to a limit;
 * then it accepts no more keys. While it grows, it needs 50 % more memory.
 */
export class KeyMap {
  readonly #slotsMax: number
  #slots: number
  #hashes: Int32Array
  /** One more than the offset; 0 for a free slot. */
  #offsets: Float64Array
  #size = 0
  /** End of the scanned offsets: the map has no information about offsets from here on. */
  end = 0

  constructor(bytesMax: number) {
    this.#slotsMax = Math.floor(bytesMax / slotBytes)
    assert(this.#slotsMax >= 2, 'a map has room for a key')
    this.#slots = Math.min(slotsFirst, this.#slotsMax)
    this.#hashes = new Int32Array(this.#slots * words)
    this.#offsets = new Float64Array(this.#slots)
  }

  get size(): number {
    return this.#size
  }

  /** Returns false when there is no room for another key. Offsets must ascend. */
  put(hash: Buffer, offset: number): boolean {
    let slot = this.#find(hash)
    if (this.#offsets[slot] === 0) {
      if (this.#size + 1 > this.#slots * loadMax) {
        if (this.#slots === this.#slotsMax) return false
        this.#grow()
        slot = this.#find(hash)
      }
      for (let i = 0; i < words; i++) this.#hashes[slot * words + i] = hash.readInt32LE(i * 4)
      this.#size++
    }
    this.#offsets[slot] = offset + 1
    return true
  }

  /** Returns -1 for an unknown key. */
  get(hash: Buffer): number {
    return this.#offsets[this.#find(hash)]! - 1
  }

  /** The slot of a key, or the free slot for it. */
  #find(hash: Buffer): number {
    const a = hash.readInt32LE(0)
    const b = hash.readInt32LE(4)
    const c = hash.readInt32LE(8)
    const d = hash.readInt32LE(12)
    const hashes = this.#hashes
    for (let slot = (a >>> 0) % this.#slots; ; slot = slot + 1 === this.#slots ? 0 : slot + 1) {
      const at = slot * words
      if (this.#offsets[slot] === 0) return slot
      if (hashes[at] === a && hashes[at + 1] === b && hashes[at + 2] === c && hashes[at + 3] === d) return slot
    }
  }

  #grow(): void {
    const hashes = this.#hashes
    const offsets = this.#offsets
    this.#slots = Math.min(this.#slots * 2, this.#slotsMax)
    this.#hashes = new Int32Array(this.#slots * words)
    this.#offsets = new Float64Array(this.#slots)
    const bytes = Buffer.from(hashes.buffer)
    offsets.forEach((offset, old) => {
      if (offset === 0) return
      const slot = this.#find(bytes.subarray(old * keyHashBytes, (old + 1) * keyHashBytes))
      this.#hashes.set(hashes.subarray(old * words, (old + 1) * words), slot * words)
      this.#offsets[slot] = offset
    })
  }
}
