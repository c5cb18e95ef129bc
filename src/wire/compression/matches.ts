/** Packed bytes are made in blocks of this size, each on its own: what lz4 may refer back to, and snappy in two bytes. */
export const blockBytesMax = 0x10000
const hashBits = 14
/** Every format has room for a match of this length, and lz4 allows no shorter one. */
const matchBytesMin = 4
/** LZ4 ends a block with literals: a match begins no later than 12 bytes before the end, and ends no later than 5. */
const startMargin = 12
const endMargin = 5
/** After this many places without a match, only every second one is tried, and so on: data that does not compress costs little. */
const missesPerStep = 64

/**
 * What repeats within a block: literals and copies in turn, then the rest, which is literals.
 *
 * One is enough for a thread: what is found is to be used before the next block.
 */
export class Matches {
  count = 0
  readonly literals = new Int32Array(blockBytesMax / matchBytesMin)
  readonly lengths = new Int32Array(blockBytesMax / matchBytesMin)
  readonly distances = new Int32Array(blockBytesMax / matchBytesMin)
  /** The last place with this hash, and for each place the one before it; -1 for none. */
  readonly #heads = new Int32Array(1 << hashBits)
  readonly #previous = new Int32Array(blockBytesMax)

  /** Of the match that was found last. */
  #length = 0

  /** Finds what repeats in [start, end), trying `effort` earlier places for each. */
  find(bytes: Uint8Array, start: number, end: number, effort: number): void {
    this.count = 0
    this.#heads.fill(-1)
    let from = start
    let misses = 0
    for (let at = start; at <= end - startMargin; ) {
      const place = this.#longest(bytes, at, start, end - endMargin, effort)
      const length = this.#length
      if (place < 0) {
        at += 1 + Math.floor(misses++ / missesPerStep)
        continue
      }
      misses = 0
      this.literals[this.count] = at - from
      this.lengths[this.count] = length
      this.distances[this.count++] = at - place
      from = at + length
      // Of what is copied, the last place is known: runs continue from it.
      if (from <= end - startMargin) this.#note(bytes, from - 1, start)
      at = from
    }
  }

  /** The place before `at` followed by the longest match with the bytes at `at`; -1 for none. From then on `at` is known. */
  #longest(bytes: Uint8Array, at: number, start: number, end: number, effort: number): number {
    let place = this.#note(bytes, at, start)
    let best = -1
    this.#length = matchBytesMin - 1
    for (let left = effort; place >= 0 && left > 0; left--) {
      const length = matchLength(bytes, start + place, at, end)
      if (length > this.#length) {
        best = start + place
        this.#length = length
      }
      place = this.#previous[place]!
    }
    return best
  }

  /** The last place before with the same hash, counted from `start`. */
  #note(bytes: Uint8Array, at: number, start: number): number {
    const word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    const hash = Math.imul(word, 0x9e3779b1) >>> (32 - hashBits)
    const last = this.#heads[hash]!
    this.#previous[at - start] = last
    this.#heads[hash] = at - start
    return last
  }
}

function matchLength(bytes: Uint8Array, from: number, at: number, end: number): number {
  let length = 0
  while (at + length < end && bytes[from + length] === bytes[at + length]) length++
  return length
}

export const matches = new Matches()
