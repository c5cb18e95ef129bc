import { behind, type DecoderRooms } from './decoder-memory.ts'
import { runStatus } from './validation-kernel.ts'

/** Memory that is kept from one search to the next. */
const keptBytes = 8 << 20

/** A record that a search has found: its offset, relative to that of its batch, and its timestamp in milliseconds. */
export interface SearchResult {
  readonly offsetDelta: number
  readonly timestamp: bigint
}

/** `more`: run again; `window`: the batch refers back further than the window reaches. */
export type SearchOutcome = SearchResult | 'more' | 'window' | 'unreadable' | undefined

/**
 * Searches a stored batch for a record by its timestamp, in steps, through a window: the memory and the time of a step do not depend on
 * what the batch decodes to.
 */
export class BatchSearch {
  readonly #memory: DecoderRooms
  readonly #windowBytes: number
  /** Of the memory, that has been written. */
  #usedBytes = 0

  constructor(memory: DecoderRooms, windowBytes: number) {
    this.#memory = memory
    this.#windowBytes = windowBytes
  }

  /** Begins with the whole batch, header included. Records with an offset delta below `least` are passed over. */
  begin(batch: Uint8Array, least: number, timestamp: bigint): void {
    const windowBytes = this.#windowBytes
    const { kernel, job, from, bytes } = this.#memory.room(behind(windowBytes) + behind(batch.length))
    const at = from + behind(windowBytes)
    bytes.set(batch, at)
    this.#usedBytes = batch.length
    kernel.beginSearch(job, from, windowBytes, at, batch.length, least, timestamp)
  }

  /**
   * Works for about `budget` bytes of output. The result is the first record of at least the timestamp; where there is none, the first with
   * the latest timestamp, or undefined.
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

  /** Gives up a search that is not at its end. */
  end(): void {
    if (this.#usedBytes > keptBytes) this.#memory.release()
    this.#usedBytes = 0
  }
}
