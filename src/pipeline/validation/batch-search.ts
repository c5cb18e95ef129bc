import { behind, type DecoderRooms } from './decoder-memory.ts'
import { runStatus } from './validation-kernel.ts'

/** Memory that is retained from one search to the next. */
const keptBytes = 8 << 20

/** Result of a search: the offset of the record, relative to its batch, and its timestamp in milliseconds. */
export interface SearchResult {
  readonly offsetDelta: number
  readonly timestamp: bigint
}

/** `more`: run again; `window`: the batch has back references beyond the window. */
export type SearchOutcome = SearchResult | 'more' | 'window' | 'unreadable' | undefined

/**
 * Searches a stored batch for a record by its timestamp, in steps, through a window. Memory and time of a step do not depend on the
 * decompressed size of the batch.
 */
export class BatchSearch {
  readonly #memory: DecoderRooms
  readonly #windowBytes: number
  /** Bytes of the memory that have been written. */
  #usedBytes = 0

  constructor(memory: DecoderRooms, windowBytes: number) {
    this.#memory = memory
    this.#windowBytes = windowBytes
  }

  /** Starts with the whole batch, header included. Records with an offset delta below `least` are skipped. */
  begin(batch: Uint8Array, least: number, timestamp: bigint): void {
    const windowBytes = this.#windowBytes
    const { kernel, job, from, bytes } = this.#memory.room(behind(windowBytes) + behind(batch.length))
    const at = from + behind(windowBytes)
    bytes.set(batch, at)
    this.#usedBytes = batch.length
    kernel.beginSearch(job, from, windowBytes, at, batch.length, least, timestamp)
  }

  /**
   * Runs for about `budget` bytes of output. The result is the first record with at least the timestamp. If there is none, it is the first
   * record with the latest timestamp, or undefined.
   */
  run(budget: number): SearchOutcome {
    const { kernel, job } = this.#memory.room(0)
    const status = kernel.run(job, budget)
    this.#usedBytes = Math.max(this.#usedBytes, kernel.outputBytes(job))
    if (status === runStatus.more) return 'more'
    const offsetDelta = kernel.bestDelta(job)
    const result = offsetDelta < 0 ? undefined : { offsetDelta, timestamp: kernel.bestTimestamp(job) }
    this.end()
    if (status === runStatus.window) return 'window'
    return status === runStatus.done || status === runStatus.found ? result : 'unreadable'
  }

  /** Abandons a search that is not complete. */
  end(): void {
    if (this.#usedBytes > keptBytes) this.#memory.release()
    this.#usedBytes = 0
  }
}
