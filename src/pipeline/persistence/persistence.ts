import type { WakeSignal } from '../../ring/wake-signal.ts'
import { laneHeader, narrow, widen } from '../lane-words.ts'

/** The write-ahead log's file as this stage needs it. Every call returns when the bytes are on the disk, or throws. */
export interface WalWriter {
  /**
   * `address` in the arena; all three are multiples of a block. False where the disk has no room: the log is as it was, and the same write
   * may be tried again.
   */
  write(address: number, bytes: number, position: number): boolean
  /** Does a little of what makes later writes cheaper; false when there is nothing left to do. */
  prepare(): boolean
}

/** Rows of the stage's counters. */
export interface PersistenceCounters {
  add(row: 'writes' | 'bytes', by: number): void
}

/** One write at the most: what gathers meanwhile is the next group, and a reader waits no longer than this takes. */
const writeBytesMax = 2 << 20

/**
 * Makes groups durable, in order, straight out of log memory. An error of the disk is thrown: after a failed write
 * nobody knows what the disk holds, so the node stops and recovers by restart.
 */
export class Persistence {
  readonly #words: Int32Array
  readonly #lane: number
  readonly #memory: { readonly base: number; readonly bytes: number }
  readonly #file: WalWriter
  /** Whoever acts on progress: the sequencer first, then the network workers. */
  readonly #signals: readonly WakeSignal[]
  readonly #counters: PersistenceCounters
  #durable: number
  #prepared = false
  #isFull = false

  constructor(parts: {
    words: Int32Array
    lane: number
    memory: { readonly base: number; readonly bytes: number }
    file: WalWriter
    signals: readonly WakeSignal[]
    counters: PersistenceCounters
    /** Where the log goes on. */
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

  /** Writes what is published, up to a bound; 0 when there is nothing. */
  turn(): number {
    const published = this.#published()
    if (published === this.#durable) return 0
    Atomics.store(this.#words, this.#lane + laneHeader.writerIdle, 0)
    const offset = this.#durable % this.#memory.bytes
    const bytes = Math.min(published - this.#durable, writeBytesMax, this.#memory.bytes - offset)
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

  /** The last write found no room on the disk: it is to be tried again after a while. */
  get isFull(): boolean {
    return this.#isFull
  }

  /** There is nothing left to prepare. */
  get isPrepared(): boolean {
    return this.#prepared
  }

  #published(): number {
    return widen(Atomics.load(this.#words, this.#lane + laneHeader.published), this.#durable)
  }

  /** For a time when nothing has been published for a while: what comes next waits for as long as this takes. */
  prepare(): void {
    if (!this.#prepared) this.#prepared = !this.#file.prepare()
  }
}
