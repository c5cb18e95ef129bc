import { assert } from '../../base/assert.ts'
import type { WakeSignal } from '../../ring/wake-signal.ts'
import { blockBytes } from '../../wal/wal-record.ts'
import { laneHeader, narrow, widen } from '../lane-words.ts'

/** Interface of this stage to the WAL file. Every call returns when the bytes are on the disk, or throws. */
export interface WalWriter {
  /**
   * `address` is in the arena; all three arguments are multiples of a block. Returns false when the disk has no room: the log is unchanged,
   * and the caller may retry the same write.
   */
  write(address: number, bytes: number, position: number): boolean
  /**
   * Performs a small part of the preparation that makes later writes cheaper, from the end of the log on. Returns false when nothing is left
   * to prepare in such a pause.
   */
  prepare(end: number, isLongPause: boolean): boolean
}

/** Rows of the stage's counters. */
export interface PersistenceCounters {
  add(row: 'writes' | 'bytes', by: number): void
}

/**
 * Maximum bytes of one write. Records that arrive during the write form the next group; a reader waits no longer than one write. On a disk of a
 * cloud, 8 MiB took three times as long as 2 MiB.
 */
const writeBytesMax = 8 << 20

/**
 * Writes groups to the disk, in order, directly from the log cache. A disk error is thrown. After a failed write the contents of the disk
 * are undefined, so the node stops and recovers at the next start.
 */
export class Persistence {
  readonly #words: Int32Array
  readonly #lane: number
  readonly #memory: { readonly base: number; readonly bytes: number }
  readonly #file: WalWriter
  /** Wake signals of the threads that react to progress: the sequencer first, then the network workers. */
  readonly #signals: readonly WakeSignal[]
  readonly #counters: PersistenceCounters
  #durable: number
  #isFull = false

  constructor(parts: {
    words: Int32Array
    lane: number
    memory: { readonly base: number; readonly bytes: number }
    file: WalWriter
    signals: readonly WakeSignal[]
    counters: PersistenceCounters
    /** Position at which the log continues. */
    position: number
  }) {
    this.#words = parts.words
    this.#lane = parts.lane
    this.#memory = parts.memory
    this.#file = parts.file
    this.#signals = parts.signals
    this.#counters = parts.counters
    this.#durable = parts.position
  }

  /** Writes the published records, up to a limit; returns 0 when there are none. */
  turn(): number {
    const published = this.#published()
    if (published === this.#durable) return 0
    assert(published > this.#durable, 'the durable position is not beyond the published position')
    assert(published - this.#durable <= this.#memory.bytes, 'unflushed records are in the log cache')
    Atomics.store(this.#words, this.#lane + laneHeader.writerIdle, 0)
    const offset = this.#durable % this.#memory.bytes
    const bytes = Math.min(published - this.#durable, writeBytesMax, this.#memory.bytes - offset)
    assert(bytes % blockBytes === 0 && offset % blockBytes === 0, 'a write consists of whole blocks')
    this.#isFull = !this.#file.write(this.#memory.base + offset, bytes, this.#durable)
    if (this.#isFull) return 0
    this.#durable += bytes
    const done = this.#durable === this.#published()
    Atomics.store(this.#words, this.#lane + laneHeader.durable, narrow(this.#durable))
    if (done) Atomics.store(this.#words, this.#lane + laneHeader.writerIdle, 1)
    for (const signal of this.#signals) signal.ring()
    this.#counters.add('writes', 1)
    this.#counters.add('bytes', bytes)
    return bytes
  }

  get idle(): boolean {
    return this.#published() === this.#durable
  }

  /** The last write found no room on the disk and must be retried later. */
  get isFull(): boolean {
    return this.#isFull
  }

  #published(): number {
    return widen(Atomics.load(this.#words, this.#lane + laneHeader.published), this.#durable)
  }

  /**
   * To be called only after an interval without published records: the next write waits until the call returns. Returns false when nothing is
   * left to prepare in such a pause.
   */
  prepare(isLongPause: boolean): boolean {
    return this.#file.prepare(this.#durable, isLongPause)
  }
}
