import { assert } from '../../base/assert.ts'
import { getU64 } from '../../base/long.ts'
import type { TrimPoint } from '../../ports/lane.ts'
import type { WakeSignal } from '../../ring/wake-signal.ts'
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
  readonly batchIntervalMs: number
  readonly batchBytesMax: number
  readonly uploadsMax: number
  /** CRC-32C of a region of the arena. */
  crc(address: number, bytes: number): number
  /** Resolves when the object and all earlier ones are stored. */
  append(content: S3WalContent): Promise<void>
  after(ms: number, wake: () => void): void
}

/**
 * Writes groups to the object store as WAL objects, directly from the log cache, with several uploads in progress at a time.
 *
 * An object starts when there are enough bytes for one, or when the batch interval has passed since the last one started. The writer is
 * marked idle only then. Each group that the sequencer publishes starts on its own block, so it publishes when an object can start.
 */
export class StorePersistence {
  readonly #parts: StorePersistenceParts
  #cut: TrimPoint
  #sent: number
  #durable: number
  /** The batch interval has passed since the last object started. */
  #due = true
  #uploads = 0

  constructor(parts: StorePersistenceParts) {
    this.#parts = parts
    this.#cut = parts.cut
    this.#sent = parts.position
    this.#durable = parts.position
  }

  /** Starts all objects that are due. */
  turn(): void {
    while (this.#isToBegin()) this.#begin()
    this.#setWriterIdle()
  }

  /** There is nothing to do until a wake signal. */
  get idle(): boolean {
    return !this.#isToBegin()
  }

  /** All published records are durable, and no upload is in progress. */
  get isDone(): boolean {
    return this.#published() === this.#durable && this.#uploads === 0
  }

  /**
   * Records below the trim point are stored elsewhere. Every later object contains the trim point. If none would follow, an empty object is
   * written.
   */
  trim(cut: TrimPoint): void {
    const isIdle = this.#published() === this.#sent
    const end = alignBlock(cut.trimmed)
    // A group ends with its last block, which its records need not fill: then no part of that block is needed either.
    const isAll = isIdle && end === this.#sent && !this.#hasRecord(cut.trimmed)
    this.#cut = isAll ? { ...cut, trimmed: end } : cut
    if (isIdle) this.#append(0)
  }

  #hasRecord(position: number): boolean {
    const { memory, view } = this.#parts
    if (position % blockBytes > blockBytes - walRecord.bytes) return false
    const header = memory.base + (position % memory.bytes)
    return view.getUint32(header + walRecord.magic, true) === walMagic && getU64(view, header + walRecord.position) === position
  }

  /** Starts an upload of the published records at once. */
  writeSoon(): void {
    this.#due = true
    this.turn()
  }

  #isToBegin(): boolean {
    const waiting = this.#published() - this.#sent
    return waiting > 0 && this.#uploads < this.#parts.uploadsMax && (this.#due || waiting >= this.#parts.batchBytesMax)
  }

  #begin(): void {
    const { memory, batchBytesMax, batchIntervalMs, after } = this.#parts
    const waiting = this.#published() - this.#sent
    const toLapEnd = memory.bytes - (this.#sent % memory.bytes)
    const bytes = Math.min(waiting, batchBytesMax, toLapEnd)
    // Records that do not fit before the end of the lap are uploaded with the ones that follow.
    this.#due &&= bytes < waiting && bytes === toLapEnd
    this.#append(bytes)
    after(batchIntervalMs, () => {
      this.#due = true
      this.turn()
    })
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

  /** While this flag is set, the sequencer publishes its records at once. */
  #setWriterIdle(): void {
    const { words, lane, signals, uploadsMax } = this.#parts
    const idle = this.#due && this.#uploads < uploadsMax ? 1 : 0
    if (Atomics.exchange(words, lane + laneHeader.writerIdle, idle) === 0 && idle === 1) signals[0]!.ring()
  }

  #published(): number {
    const { words, lane } = this.#parts
    return widen(Atomics.load(words, lane + laneHeader.published), this.#sent)
  }
}
