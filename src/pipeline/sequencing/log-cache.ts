import { assert } from '../../base/assert.ts'
import { batchesInLogMemory } from '../../config/batch-limit.ts'
import { alignBlock, alignRecord, blockBytes, walRecord } from '../../wal/wal-record.ts'

/** A range of positions that a response in progress refers to. */
interface Pin {
  readonly from: number
  readonly to: number
}

/** Reason for no room: the log cache waits for the disk, or the WAL waits for a trim. */
export type NoRoom = 'memory' | 'log'

/**
 * Allocates positions for records. The log cache is a ring that mirrors the tail of the WAL: the byte at position p is at `base + p mod
 * bytes`.
 *
 * Invariants: unflushed records are never overwritten. Appends skip pinned ranges; they never block on a reader. A record is contiguous. A
 * header never crosses a block boundary.
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
  /** Records below this position have been overwritten, or may have been. */
  #oldest: number
  #end: number
  #durable: number
  #trimmed: number

  /**
   * `position` is where the log continues. The log cache contains no records before `oldest`. `onJump` writes the record that marks a jump.
   */
  constructor(
    place: {
      base: number
      bytes: number
      capacity: number
      position: number
      oldest: number
      trimmed: number
      /** Limit of unflushed bytes, where it is less than the whole log cache. */
      unflushedMax?: number
    },
    onJump: (from: number, to: number) => void,
  ) {
    assert(place.capacity % place.bytes === 0, 'the capacity of the WAL is a multiple of the log cache')
    assert(place.bytes % blockBytes === 0, 'the log cache consists of whole blocks')
    assert(place.position % blockBytes === 0, 'the log continues at a block')
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
  /** Start of the records in the log cache. */
  get oldest(): number {
    return this.#oldest
  }
  get pinned(): number {
    return this.#pinned
  }
  /** Size of the largest record (header and body) that always fits in an empty log. */
  get recordBytesMax(): number {
    return Math.floor(this.bytes / batchesInLogMemory)
  }

  address(position: number): number {
    return this.base + (position % this.bytes)
  }

  setDurable(position: number): void {
    assert(position >= this.#durable && position <= this.#end, 'the durable position advances within the log')
    this.#durable = position
  }
  /** The position may be rounded down to a block. */
  setTrimmed(position: number): void {
    assert(position > this.#trimmed - blockBytes, 'the trim position does not go back')
    this.#trimmed = position
  }

  /** Returns a position for a record of `bytes`, header included, or the reason for no room. Nothing is allocated until `commit`. */
  reserve(bytes: number): number | NoRoom {
    assert(bytes >= walRecord.bytes && bytes <= this.bytes, 'a record fits the log cache')
    for (;;) {
      const at = this.#start()
      const target = this.#obstacle(at, bytes)
      const to = target === at ? at + bytes : target + walRecord.bytes
      if (to > this.#durable + this.bytes) return 'memory'
      // When no write is in progress, the limit of unflushed bytes does not apply.
      if (to > this.#durable + this.#unflushedMax && this.#end > this.#durable) return 'memory'
      if (alignBlock(to) > this.#trimmed + this.#capacity) return 'log'
      this.#oldest = Math.max(this.#oldest, to - this.bytes)
      if (target === at) return at
      // The skipped range may contain a pin, and does not start below `#oldest`.
      this.#onJump(at, target)
      this.#end = target
    }
  }

  commit(at: number, bytes: number): void {
    assert(at >= this.#end && at + bytes <= this.#durable + this.bytes, 'a record is after the others, and over no unflushed one')
    this.#end = alignRecord(at + bytes)
  }

  /** Closes the group of records: the next one starts on a new block. Returns its position. */
  closeGroup(): number {
    this.#end = alignBlock(this.#end)
    return this.#end
  }

  /** Keeps the memory of a range unchanged until `unpin`. */
  pin(from: number, to: number): number {
    assert(from < to && to <= this.#end, 'a pinned range is in the log')
    const id = this.#nextPin
    this.#nextPin = (this.#nextPin % 0x7fff_ffff) + 1
    this.#pins.set(id, { from, to })
    this.#pinned += to - from
    return id
  }

  /** Reduces a pinned range to this part. */
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
    assert(this.#pinned >= 0, 'pinned bytes are released once')
    this.#pins.delete(id)
  }

  /** A header needs the rest of its block, or starts in the next one. */
  #start(): number {
    const rest = blockBytes - (this.#end % blockBytes)
    return rest < walRecord.bytes ? this.#end + rest : this.#end
  }

  /** Returns `at`, or the first position after all obstacles to a record there: the end of the lap, and pins. */
  #obstacle(at: number, bytes: number): number {
    const lapEnd = (Math.floor(at / this.bytes) + 1) * this.bytes
    let target = at + bytes > lapEnd ? lapEnd : at
    // The range after one pin may overlap another. After a whole lap without room, the append waits.
    while (target < at + this.bytes) {
      // Before every pin there is room for the end of a group and the header of a jump.
      const behind = this.#behindPin(target, (target === at ? at + bytes : target) + 2 * blockBytes)
      if (behind === target) break
      target = behind
    }
    return target
  }

  /** Returns `from`, or the first block after a pin whose memory is in [from, to). */
  #behindPin(from: number, to: number): number {
    for (const pin of this.#pins.values()) {
      // A pin keeps its memory while the log advances by laps. After this many laps, the pin ends after `from`.
      const laps = Math.max(0, Math.floor((from - pin.to) / this.bytes) + 1) * this.bytes
      if (pin.from + laps < to) return alignBlock(pin.to + laps)
    }
    return from
  }
}
