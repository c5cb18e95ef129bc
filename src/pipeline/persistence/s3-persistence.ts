import { assert } from '../../base/assert.ts'
import { getU64 } from '../../base/long.ts'
import type { TrimPoint } from '../../ports/trim-point.ts'
import type { WakeSignal } from '../../ring/wake-signal.ts'
import type { PutBudget } from '../../wal/s3/put-budget.ts'
import type { S3WalContent } from '../../wal/s3/s3-wal-writer.ts'
import { alignBlock, blockBytes, walMagic, walRecord } from '../../wal/wal-record.ts'
import { laneHeader, narrow, widen } from '../lane-words.ts'
import type { PersistenceCounters } from './persistence.ts'

export interface StorePersistenceParts {
  readonly words: Int32Array
  readonly lane: number
  /** The log cache. */
  readonly memory: { readonly base: number; readonly bytes: number }
  /** The arena. */
  readonly bytes: Uint8Array
  readonly view: DataView
  /** Wake signals of the threads that react to progress: the sequencer first, then the network workers. */
  readonly signals: readonly WakeSignal[]
  readonly counters: PersistenceCounters
  /** Position at which the log continues. */
  readonly position: number
  readonly cut: TrimPoint
  readonly secret: number
  readonly budget: PutBudget
  readonly batchBytesMax: number
  readonly uploadsMax: number
  /** CRC-32C of a region of the arena. */
  crc(address: number, bytes: number): number
  /** Resolves when the object and all earlier ones are stored. */
  append(content: S3WalContent): Promise<void>
  after(ms: number, wake: () => void): void
}

/**
 * While fewer uploads are in progress, the next group leaves at once. On MinIO on the same machine, 4 has 1.1 to 1.6 times the throughput
 * of 1, and most groups still contain several batches. More uploads make smaller objects.
 */
export const uploadsEager = 4

/**
 * Writes groups to the object store as WAL objects, directly from the log cache, with several uploads in progress at a time.
 *
 * Group commit has no fixed timer. A group leaves at once while few uploads are in progress and the budget of puts has a token. Otherwise
 * the next group accumulates until an upload ends, a token arrives, or there are enough bytes for a whole object. A whole object does not
 * wait for a token: its cost is limited for each GiB. The writer is marked idle only while a group can leave. Each group that the sequencer
 * publishes starts on its own block, so it publishes when an object can start.
 *
 * Every wait ends with an event: a publication, the end of an upload, or the one timer that runs while the budget has no token.
 */
export class StorePersistence {
  readonly #parts: StorePersistenceParts
  #cut: TrimPoint
  #sent: number
  #durable: number
  #uploads = 0
  /** The timer for the next token runs. */
  #isTimed = false
  /** The node stops: remaining records wait for no token. */
  #isEnding = false

  constructor(parts: StorePersistenceParts) {
    this.#parts = parts
    this.#cut = parts.cut
    this.#sent = parts.position
    this.#durable = parts.position
  }

  /** Starts all objects that are due. */
  turn(): void {
    const { budget } = this.#parts
    // One time decides for the objects, the timer and the flag. Otherwise a token could arrive after the check for an object and before
    // the check for the timer: there would be neither.
    let waitMs = budget.waitMs
    for (; this.#isToBegin(waitMs); waitMs = budget.waitMs) this.#begin()
    if (waitMs > 0) this.#awaitToken(waitMs)
    this.#setWriterIdle(waitMs)
  }

  /** There is nothing to do until a wake signal. */
  get idle(): boolean {
    return !this.#isToBegin(this.#parts.budget.waitMs)
  }

  /** All published records are durable, and no upload is in progress. */
  get isDone(): boolean {
    return this.#published() === this.#durable && this.#uploads === 0
  }

  /**
   * Records below the trim point are stored elsewhere. Every later object contains the trim point. If none would follow, an empty object is
   * written. It is rare, and does not wait.
   */
  trim(cut: TrimPoint): void {
    const isIdle = this.#published() === this.#sent
    const end = alignBlock(cut.trimmed)
    // A group ends with its last block, which its records need not fill: then no part of that block is needed either.
    const isAll = isIdle && end === this.#sent && !this.#hasRecord(cut.trimmed)
    this.#cut = isAll ? { ...cut, trimmed: end } : cut
    if (!isIdle) return
    this.#parts.budget.take()
    this.#append(0)
    this.turn()
  }

  #hasRecord(position: number): boolean {
    const { memory, view } = this.#parts
    if (position % blockBytes > blockBytes - walRecord.bytes) return false
    const header = memory.base + (position % memory.bytes)
    return view.getUint32(header + walRecord.magic, true) === walMagic && getU64(view, header + walRecord.position) === position
  }

  /** Starts an upload of the published records at once, because the node stops. */
  writeSoon(): void {
    this.#isEnding = true
    this.turn()
  }

  #isToBegin(waitMs: number): boolean {
    const { batchBytesMax, uploadsMax } = this.#parts
    const waiting = this.#published() - this.#sent
    if (waiting === 0 || this.#uploads >= uploadsMax) return false
    return waiting >= batchBytesMax || this.#isEnding || this.#canLeave(waitMs)
  }

  /** A group can leave now, of any size. */
  #canLeave(waitMs: number): boolean {
    return waitMs === 0 && this.#uploads < Math.min(uploadsEager, this.#parts.uploadsMax)
  }

  #begin(): void {
    const { memory, batchBytesMax, budget } = this.#parts
    const waiting = this.#published() - this.#sent
    const toLapEnd = memory.bytes - (this.#sent % memory.bytes)
    const bytes = Math.min(waiting, batchBytesMax, toLapEnd)
    // Records that do not fit before the end of the lap are uploaded with the ones that follow, which take the token of both.
    if (bytes === waiting || bytes < toLapEnd) budget.take()
    this.#append(bytes)
  }

  #append(bytes: number): void {
    const { memory, secret, append, crc, counters, bytes: arena } = this.#parts
    const position = this.#sent
    const address = memory.base + (position % memory.bytes)
    this.#sent += bytes
    this.#uploads++
    assert(this.#sent <= this.#published(), 'only published records are written')
    assert(this.#sent - this.#durable <= memory.bytes, 'unflushed records are in the log cache')
    const end = this.#sent
    const done = append({
      kind: 'piece',
      mark: { ...this.#cut, position, secret, window: memory.bytes },
      pieces: bytes === 0 ? [] : [arena.subarray(address, address + bytes)],
      bodyBytes: bytes,
      bodyCrc: crc(address, bytes) >>> 0,
      end,
      dropBelow: Math.floor(this.#cut.trimmed / blockBytes) * blockBytes,
    })
    counters.add('writes', 1)
    counters.add('bytes', bytes)
    void done.then(() => this.#stored(end))
  }

  #stored(end: number): void {
    const { words, lane, signals } = this.#parts
    this.#uploads--
    assert(this.#uploads >= 0, 'an upload ends once')
    assert(end >= this.#durable && end <= this.#sent, 'objects are stored in order')
    this.#durable = end
    Atomics.store(words, lane + laneHeader.durable, narrow(end))
    this.turn()
    for (const signal of signals) signal.ring()
  }

  /** The sequencer publishes nothing while there is no token, so the timer is needed without published records too. */
  #awaitToken(waitMs: number): void {
    if (this.#isTimed) return
    this.#isTimed = true
    this.#parts.after(Math.ceil(waitMs), () => {
      this.#isTimed = false
      this.turn()
    })
  }

  /** While this flag is set, the sequencer publishes its records at once. */
  #setWriterIdle(waitMs: number): void {
    const { words, lane, signals } = this.#parts
    const idle = this.#canLeave(waitMs) ? 1 : 0
    if (Atomics.exchange(words, lane + laneHeader.writerIdle, idle) === 0 && idle === 1) signals[0]!.ring()
  }

  #published(): number {
    const { words, lane } = this.#parts
    return widen(Atomics.load(words, lane + laneHeader.published), this.#sent)
  }
}
