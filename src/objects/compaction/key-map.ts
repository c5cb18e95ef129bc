import { assert } from '../../base/assert.ts'

/** Of a hash: enough for two keys never to be taken for one. */
export const keyHashBytes = 16
const words = keyHashBytes / 4
const slotBytes = keyHashBytes + Float64Array.BYTES_PER_ELEMENT
/** Of the slots. Beyond it, looking for a key takes too many steps. */
const loadMax = 0.9
const slotsFirst = 1024

/**
 * The last offset of every key, as far as a partition has been looked through: 24 bytes a key, however long it is. It grows
 * up to a bound, beyond which no further keys are taken. While it grows it takes half as much again.
 */
export class KeyMap {
  readonly #slotsMax: number
  #slots: number
  #hashes: Int32Array
  /** One more than the offset; 0 for a free slot. */
  #offsets: Float64Array
  #size = 0
  /** Offset behind what has been looked through: of what lies there the map says nothing. */
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

  /** False when there is no room for one more key. Offsets only grow. */
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

  /** -1 for a key that has not been seen. */
  get(hash: Buffer): number {
    return this.#offsets[this.#find(hash)]! - 1
  }

  /** The slot of a key, or the free one where it would be. */
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
