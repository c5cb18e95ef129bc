import type { LostRange, PartitionId, PartitionSettings, PartitionSpec } from '../ports.ts'
import { BatchIndex } from './batch-index.ts'
import { ProducerState } from './producer-state.ts'

/** Producers a partition remembers; see `Producers`. */
const producersMax = 65_536

/**
 * The log of one partition as its lane holds it: the batches that are still in the write-ahead log. What is older lies
 * in the object store.
 *
 * Invariant: `logStart <= next`; the index holds what is in [hotStart, next) without a gap.
 */
export class Partition {
  readonly id: PartitionId
  readonly index = new BatchIndex()
  readonly producers = new ProducerState(producersMax)
  leaderEpoch = 0
  settings: PartitionSettings | undefined
  /** First offset that may be read. */
  logStart = 0
  /** Offset of the next record. */
  next = 0
  /** In the order of their offsets. */
  #lost: readonly LostRange[] = []
  /** Entries of the index known to be durable; only ever behind, see `highWatermark`. */
  #stable = 0
  /** Requests that wait for this partition to grow. */
  readonly waiting = new Set<Waiter>()

  constructor(id: PartitionId) {
    this.id = id
  }

  /** Served to clients; a stream that only recovery knows is not. */
  get open(): boolean {
    return this.settings !== undefined
  }

  adopt(spec: PartitionSpec, committedEnd: number, lost: readonly LostRange[]): void {
    this.leaderEpoch = spec.leaderEpoch
    this.settings = spec.settings
    this.logStart = Math.max(this.logStart, Number(spec.logStartOffset))
    this.#lost = lost
    this.next = Math.max(this.next, committedEnd, this.logStart, lost.at(-1)?.end ?? 0)
  }

  /** The records of a range that begins at `next` are lost for good: no other ones will have their offsets. */
  lose(range: LostRange): void {
    this.#lost = [...this.#lost, range]
    this.next = Math.max(this.next, range.end)
  }

  /** Where a read goes on that begins at an offset: behind what was lost. */
  readFrom(offset: number): number {
    for (const { start, end } of this.#lost) if (offset >= start && offset < end) return end
    return offset
  }

  /** First offset that the index holds; `next` when it holds none. */
  get hotStart(): number {
    return this.index.length === 0 ? this.next : this.index.base(0)
  }

  push(baseOffset: number, count: number, position: number, bytes: number, maxTimestamp: number): void {
    this.index.push(baseOffset, count, position, bytes, maxTimestamp)
    this.next = baseOffset + count
  }

  /** Moves on to the entries that are durable now; returns the bytes that became readable. */
  settle(durable: number): number {
    let bytes = 0
    while (this.#stable < this.index.length && this.index.end(this.#stable) <= durable) bytes += this.index.bytes(this.#stable++)
    return bytes
  }

  /** End of what is durable. Call `settle` first. */
  get highWatermark(): number {
    return this.#stable === this.index.length ? this.next : this.index.base(this.#stable)
  }

  /** Entries that are durable. */
  get settled(): number {
    return this.#stable
  }

  /** What is durable and in the write-ahead log: offsets, bytes, and the timestamp of its first batch. Call `settle` first. */
  extent(): { readonly start: number; readonly end: number; readonly bytes: number; readonly oldest: number } {
    let bytes = 0
    for (let i = 0; i < this.#stable; i++) bytes += this.index.bytes(i)
    return { start: this.hotStart, end: this.highWatermark, bytes, oldest: this.#stable === 0 ? -1 : this.index.maxTimestamp(0) }
  }

  /** Forgets what lies below this position of the write-ahead log: the object store has it. */
  dropBelow(position: number): void {
    let count = 0
    while (count < this.index.length && this.index.end(count) <= position) count++
    this.index.dropFirst(count)
    this.#stable = Math.max(0, this.#stable - count)
  }
}

/** A parked fetch. `fresh` counts the bytes that became readable since it was parked. */
export interface Waiter {
  fresh: number
  readonly wanted: number
}
