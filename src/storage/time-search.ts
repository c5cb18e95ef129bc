import { AtMost } from '../actor/at-most.ts'
import { threadWindowBytes } from '../pipeline/arena-plan.ts'
import { BatchSearch, type SearchOutcome } from '../pipeline/validation/batch-search.ts'
import { DecoderMemory } from '../pipeline/validation/decoder-memory.ts'
import { type BatchHeader, batchBytes, batchHeader, lastOffset, readBatchHeader } from '../wire/record-batch.ts'

export interface TimeSearchParts {
  /** The kernel that decodes batches, for a memory of one thread. */
  readonly decoder: WebAssembly.Module
  /** Searches the batches with back references beyond the windows used here. */
  readonly largeWindow: { search(batch: Uint8Array, least: number, timestamp: bigint): Promise<SearchOutcome> }
  /** Monotonic clock, milliseconds. */
  monotonic(): number
  /** Resolves after other work of this thread. */
  nextTurn(): Promise<unknown>
}

export interface FoundRecord {
  readonly offset: bigint
  readonly timestamp: bigint
}

/** A step of a search, in approximate bytes of output: one or two milliseconds. */
export const stepUnits = 1 << 20
/** Maximum time of searches in a turn, before the thread serves other work. */
const turnMs = 3
/** Maximum number of simultaneous searches that take longer than a step; others wait. */
const longSearchesMax = 4
const timestampMax = 2n ** 63n - 1n

/**
 * Searches stored batches by timestamp. A batch is decoded through a window and in steps, between which the thread serves other requests.
 * The decompressed size of a batch affects neither memory nor the latency of other requests.
 */
export class TimeSearch {
  readonly #parts: TimeSearchParts
  /** For batches that take one step. */
  readonly #short: BatchSearch
  readonly #long = new AtMost(longSearchesMax)
  readonly #idle: BatchSearch[] = []
  /** Resolves in the next turn of the event loop in which no other search has had a step. */
  #turn: Promise<unknown> = Promise.resolve()
  #turnBegan = 0

  constructor(parts: TimeSearchParts) {
    this.#parts = parts
    this.#short = this.#newSearch()
  }

  /** The first record of the batches, from an offset on, with at least this timestamp. */
  async first(batches: Uint8Array, from: bigint, timestamp: bigint): Promise<FoundRecord | undefined> {
    for (const stored of batchesIn(batches)) {
      if (stored.header.maxTimestamp < timestamp) continue
      const found = await this.#search(stored, from, timestamp)
      if (found !== undefined && found.timestamp >= timestamp) return found
    }
    return undefined
  }

  /** The first of the records with the latest timestamp, from an offset on; `best` if none is later. */
  async latest(batches: Uint8Array, from: bigint, best: FoundRecord | undefined): Promise<FoundRecord | undefined> {
    let latest = best
    for (const stored of batchesIn(batches)) {
      if (latest !== undefined && stored.header.maxTimestamp <= latest.timestamp) continue
      const found = await this.#search(stored, from, timestampMax)
      if (latest === undefined || (found !== undefined && found.timestamp > latest.timestamp)) latest = found
    }
    return latest
  }

  /** A batch that cannot be decoded counts as one record with the timestamp of its header. */
  async #search({ header, bytes }: StoredBatch, from: bigint, timestamp: bigint): Promise<FoundRecord | undefined> {
    const first = header.baseOffset > from ? header.baseOffset : from
    if (header.recordsCount <= 0 || first > lastOffset(header)) return undefined
    const least = Number(first - header.baseOffset)
    let result = await this.#shortSearch(bytes, least, timestamp)
    if (result === 'more') result = await this.#long.run(() => this.#longSearch(bytes, least, timestamp))
    if (result === 'window') result = await this.#parts.largeWindow.search(bytes, least, timestamp)
    if (result === undefined) return undefined
    if (typeof result === 'string') return { offset: first, timestamp: header.maxTimestamp }
    return { offset: header.baseOffset + BigInt(result.offsetDelta), timestamp: result.timestamp }
  }

  async #shortSearch(batch: Uint8Array, least: number, timestamp: bigint): Promise<SearchOutcome> {
    if (this.#parts.monotonic() - this.#turnBegan > turnMs) await this.#nextTurn()
    this.#short.begin(batch, least, timestamp)
    const result = this.#short.run(stepUnits)
    if (result === 'more') this.#short.end()
    return result
  }

  async #longSearch(batch: Uint8Array, least: number, timestamp: bigint): Promise<SearchOutcome> {
    const search = this.#idle.pop() ?? this.#newSearch()
    search.begin(batch, least, timestamp)
    let result: SearchOutcome
    do {
      await this.#nextTurn()
      result = search.run(stepUnits)
    } while (result === 'more')
    this.#idle.push(search)
    return result
  }

  #nextTurn(): Promise<unknown> {
    this.#turn = this.#turn.then(() => this.#parts.nextTurn()).then(() => (this.#turnBegan = this.#parts.monotonic()))
    return this.#turn
  }

  #newSearch(): BatchSearch {
    return new BatchSearch(new DecoderMemory(this.#parts.decoder), threadWindowBytes)
  }
}

interface StoredBatch {
  readonly header: BatchHeader
  readonly bytes: Uint8Array
}

/** Their CRCs have been checked by the sequencer, or by the reader of an object. */
function* batchesIn(batches: Uint8Array): Generator<StoredBatch, void, void> {
  const view = new DataView(batches.buffer, batches.byteOffset, batches.length)
  for (let at = 0; at < batches.length; ) {
    const left = batches.length - at
    if (left < batchHeader.bytes) throw new Error(`a stored batch has ${left} bytes, fewer than a header`)
    const header = readBatchHeader(view, at)
    const bytes = batchBytes(header)
    if (bytes < batchHeader.bytes || bytes > left) throw new Error(`a stored batch of ${bytes} bytes, where ${left} are left`)
    yield { header, bytes: batches.subarray(at, at + bytes) }
    at += bytes
  }
}
