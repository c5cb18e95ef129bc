import { assert } from '../../base/assert.ts'
import { batchesInLogMemory } from '../../config/batch-limit.ts'
import { alignBlock, alignRecord, blockBytes, walRecord } from '../../wal/wal-record.ts'

/** A range of positions whose memory somebody still reads. */
interface Pin {
  readonly from: number
  readonly to: number
}

/** Why there is no room: memory waits for the disk, the log waits to be trimmed. */
export type NoRoom = 'memory' | 'log'

/**
 * Where the next record goes. Log memory is a ring that mirrors the tail of the write-ahead log: the byte at position p
 * lies at `base + p mod bytes`.
 *
 * Invariants: what is not durable is never overwritten; what is pinned is stepped over, never waited for; a record lies
 * in one piece; a header never crosses a block.
 */
export class LogCache {
  readonly base: number
  readonly bytes: number
  readonly #capacity: number
  readonly #unflushedMax: number
  readonly #onJump: (from: number, to: number) => void
  readonly #pins = new Map<number, Pin>()
  #nextPin = 1
  #pinned = 0
  /** Everything below has been overwritten, or may have been. */
  #oldest: number
  #end: number
  #durable: number
  #trimmed: number

  /** `position` is where the log goes on; memory holds nothing of what lies before `oldest`. `onJump` writes the record that says so. */
  constructor(
    place: {
      base: number
      bytes: number
      capacity: number
      position: number
      oldest: number
      trimmed: number
      /** What may be in memory and not durable, where that is less than all of it. */
      unflushedMax?: number
    },
    onJump: (from: number, to: number) => void,
  ) {
    assert(place.capacity % place.bytes === 0, 'the capacity of the log is a multiple of log memory')
    assert(place.bytes % blockBytes === 0, 'log memory is whole blocks')
    assert(place.position % blockBytes === 0, 'the log goes on at a block')
    this.base = place.base
    this.bytes = place.bytes
    this.#capacity = place.capacity
    this.#unflushedMax = place.unflushedMax ?? Number.POSITIVE_INFINITY
    this.#end = place.position
    this.#durable = place.position
    this.#oldest = place.oldest
    this.#trimmed = place.trimmed
    this.#onJump = onJump
  }

  /** End of the last record. */
  get end(): number {
    return this.#end
  }
  /** Start of what memory still holds. */
  get oldest(): number {
    return this.#oldest
  }
  get pinned(): number {
    return this.#pinned
  }
  /** The greatest record (header and body) that is sure to find room in an empty log. */
  get recordBytesMax(): number {
    return Math.floor(this.bytes / batchesInLogMemory)
  }

  address(position: number): number {
    return this.base + (position % this.bytes)
  }

  setDurable(position: number): void {
    this.#durable = position
  }
  setTrimmed(position: number): void {
    this.#trimmed = position
  }

  /** Position for a record of `bytes`, header included, or why there is none. Nothing is taken until `commit`. */
  reserve(bytes: number): number | NoRoom {
    for (;;) {
      const at = this.#start()
      const target = this.#obstacle(at, bytes)
      const to = target === at ? at + bytes : target + walRecord.bytes
      if (to > this.#durable + this.bytes) return 'memory'
      // Where nothing is on its way to the disk, whatever fits in memory may be.
      if (to > this.#durable + this.#unflushedMax && this.#end > this.#durable) return 'memory'
      if (alignBlock(to) > this.#trimmed + this.#capacity) return 'log'
      this.#oldest = Math.max(this.#oldest, to - this.bytes)
      if (target === at) return at
      // What is stepped over may hold a pin, and is never older than `#oldest` says.
      this.#onJump(at, target)
      this.#end = target
    }
  }

  commit(at: number, bytes: number): void {
    this.#end = alignRecord(at + bytes)
  }

  /** Closes the group of records: the next one starts on a block of its own. Returns where. */
  closeGroup(): number {
    this.#end = alignBlock(this.#end)
    return this.#end
  }

  /** Keeps the memory of a range as it is until `unpin`. */
  pin(from: number, to: number): number {
    const id = this.#nextPin
    this.#nextPin = (this.#nextPin % 0x7fff_ffff) + 1
    this.#pins.set(id, { from, to })
    this.#pinned += to - from
    return id
  }

  /** Of what is pinned, keeps no more than this piece of memory. */
  narrow(id: number, address: number, bytes: number): void {
    const pin = this.#pins.get(id)
    if (pin === undefined) return
    const from = pin.from + ((address - this.address(pin.from) + this.bytes) % this.bytes)
    assert(from + bytes <= pin.to, 'a pin only becomes narrower')
    this.#pinned -= pin.to - pin.from - bytes
    this.#pins.set(id, { from, to: from + bytes })
  }

  unpin(id: number): void {
    const pin = this.#pins.get(id)
    if (pin === undefined) return
    this.#pinned -= pin.to - pin.from
    this.#pins.delete(id)
  }

  /** A header needs the rest of its block, or the next one. */
  #start(): number {
    const rest = blockBytes - (this.#end % blockBytes)
    return rest < walRecord.bytes ? this.#end + rest : this.#end
  }

  /** `at`, or the first position behind all that is in the way of a record there: the end of the lap, pins. */
  #obstacle(at: number, bytes: number): number {
    const lapEnd = (Math.floor(at / this.bytes) + 1) * this.bytes
    let target = at + bytes > lapEnd ? lapEnd : at
    // What lies behind one pin may lie in another. Whoever has gone a whole lap waits.
    while (target < at + this.bytes) {
      // In front of every pin the end of a group and the header of a jump find room.
      const behind = this.#behindPin(target, (target === at ? at + bytes : target) + 2 * blockBytes)
      if (behind === target) break
      target = behind
    }
    return target
  }

  /** `from`, or the first block behind a pin that has its memory in [from, to). */
  #behindPin(from: number, to: number): number {
    for (const pin of this.#pins.values()) {
      // A pin stays where it is in memory while the log laps it: this many laps on is where it ends behind `from`.
      const laps = Math.max(0, Math.floor((from - pin.to) / this.bytes) + 1) * this.bytes
      if (pin.from + laps < to) return alignBlock(pin.to + laps)
    }
    return from
  }
}
