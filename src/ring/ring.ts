import { assert } from '../base/assert.ts'
import { ringHeader } from './layout.ts'

/** A ring message: its body's size in words, its kind, and the body. It never wraps: kind 0 fills the end of a lap. */
const frameWords = 2
const padding = 0

/** Size in bytes of a ring with `capacityWords` words for messages, a power of two. */
export const ringBytes = (capacityWords: number): number => ringHeader.bytes + capacityWords * 4

/** Location of a ring: an index into the arena's words, and its capacity. */
export interface RingLayout {
  readonly at: number
  readonly capacityWords: number
}

class End {
  protected readonly words: Int32Array
  protected readonly tail: number
  protected readonly head: number
  protected readonly start: number
  protected readonly capacity: number

  constructor(words: Int32Array, layout: RingLayout) {
    assert((layout.capacityWords & (layout.capacityWords - 1)) === 0, 'the capacity of a ring is a power of two')
    this.words = words
    this.tail = layout.at + ringHeader.tail
    this.head = layout.at + ringHeader.head
    this.start = layout.at + ringHeader.bytes / 4
    this.capacity = layout.capacityWords
  }
}

/** The producing end. Messages are claimed, filled in place, and published together. */
export class RingProducer extends End {
  #position: number
  #released: number
  #claimFailed = false

  constructor(words: Int32Array, layout: RingLayout) {
    super(words, layout)
    this.#position = Atomics.load(words, this.tail)
    this.#released = Atomics.load(words, this.head)
  }

  /** The last claim found no room. */
  get claimFailed(): boolean {
    return this.#claimFailed
  }
  /** The last claim found no room, and no message has been released since: another claim would fail too. */
  get isStuck(): boolean {
    return this.#claimFailed && Atomics.load(this.words, this.head) === this.#released
  }

  /** The largest body that fits an empty ring for any position of the lap's end. */
  get bodyWordsMax(): number {
    return (this.capacity >> 1) - frameWords
  }

  /** Whether this many messages of a size fit for any position of the lap's end. */
  hasRoom(frames: number, bodyWords: number): boolean {
    const needed = frames * (bodyWords + frameWords) + bodyWords + frameWords
    if (this.#free() >= needed) return true
    this.#released = Atomics.load(this.words, this.head)
    return this.#free() >= needed
  }

  /** Index of the body to fill, or -1 when the ring is full: the caller keeps its work and stops accepting more. */
  claim(kind: number, bodyWords: number): number {
    const needed = bodyWords + frameWords
    assert(bodyWords >= 0 && needed <= this.capacity >> 1, 'a frame takes at most half a ring')
    const offset = this.#position & (this.capacity - 1)
    const toLap = this.capacity - offset
    const skipped = needed > toLap ? toLap : 0
    if (this.#free() < needed + skipped) {
      this.#released = Atomics.load(this.words, this.head)
      this.#claimFailed = this.#free() < needed + skipped
      if (this.#claimFailed) return -1
    }
    this.#claimFailed = false
    if (skipped > 0) {
      this.words[this.start + offset] = skipped - frameWords
      if (skipped > 1) this.words[this.start + offset + 1] = padding
      this.#position = (this.#position + skipped) | 0
    }
    const at = this.start + (this.#position & (this.capacity - 1))
    this.words[at] = bodyWords
    this.words[at + 1] = kind
    this.#position = (this.#position + needed) | 0
    return at + frameWords
  }

  /** Revokes the last claimed message, of this many words, before it is published. */
  unclaim(bodyWords: number): void {
    this.#position = (this.#position - bodyWords - frameWords) | 0
  }

  /** Publishes the claimed messages. True when there were any: the consumer's wake signal must then be set. */
  publish(): boolean {
    if (Atomics.load(this.words, this.tail) === this.#position) return false
    Atomics.store(this.words, this.tail, this.#position)
    return true
  }

  #free(): number {
    return this.capacity - ((this.#position - this.#released) | 0)
  }
}

/**
 * Body of a message: `words[at]` up to `words[at + count]`, valid until the handler returns.
 * False leaves the message, and all after it, in the ring for the next call.
 */
export type OnFrame = (kind: number, at: number, count: number) => boolean

/** The consuming end. */
export class RingConsumer extends End {
  #position: number

  constructor(words: Int32Array, layout: RingLayout) {
    super(words, layout)
    this.#position = Atomics.load(words, this.head)
  }

  get empty(): boolean {
    return Atomics.load(this.words, this.tail) === this.#position
  }

  /** Passes at most `limit` messages to `onFrame`, then releases them together. Returns the number of messages. */
  drain(onFrame: OnFrame, limit: number): number {
    const tail = Atomics.load(this.words, this.tail)
    let handled = 0
    while (this.#position !== tail && handled < limit) {
      const at = this.start + (this.#position & (this.capacity - 1))
      const bodyWords = this.words[at]!
      // A lap may end with one spare word: room for a size of -1, not for a kind.
      const kind = bodyWords < 0 ? padding : this.words[at + 1]!
      if (kind !== padding) {
        assert(bodyWords >= 0 && bodyWords < this.capacity >> 1, 'a message takes at most half a ring')
        if (!onFrame(kind, at + frameWords, bodyWords)) break
        handled++
      }
      this.#position = (this.#position + bodyWords + frameWords) | 0
    }
    Atomics.store(this.words, this.head, this.#position)
    return handled
  }
}

/** 53-bit numbers as two words. Kafka's offsets and positions stay far below 2^53; callers reject larger ones. */
export function putLong(words: Int32Array, at: number, value: number): void {
  words[at] = value | 0
  words[at + 1] = Math.floor(value / 0x1_0000_0000)
}

export const getLong = (words: Int32Array, at: number): number => (words[at]! >>> 0) + words[at + 1]! * 0x1_0000_0000
