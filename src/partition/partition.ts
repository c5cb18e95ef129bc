import { assert } from '../base/assert.ts'
import type { WalStats } from '../ports/lane-commands.ts'
import type { LostRange, PartitionId, PartitionSettings, PartitionSpec } from '../ports/partitions.ts'
import { BatchIndex } from './batch-index.ts'
import { ProducerState } from './producer-state.ts'

/** Maximum number of producers whose state a partition keeps; see `ProducerState`. */
const producersMax = 65_536

/**
 * The log of one partition in its lane: the batches that are still in the WAL. Older batches are in the object store.
 *
 * Invariant: `logStart <= next`; the index contains [hotStart, next) without a gap.
 */
export class Partition {
  readonly id: PartitionId
  readonly index = new BatchIndex()
  producers = new ProducerState(producersMax)
  leaderEpoch = 0
  settings: PartitionSettings | undefined
  /** First offset that can be read. */
  logStart = 0
  /** Offset of the next record. */
  next = 0
  /** In the order of their offsets. */
  #lost: readonly LostRange[] = []
  /** Number of index entries that are known to be durable. It may lag; see `highWatermark`. */
  #durable = 0
  /** Fetches that wait for new records of this partition. */
  readonly waiting = new Set<Waiter>()

  constructor(id: PartitionId) {
    this.id = id
  }

  /** The partition is served to clients; false for a partition that only recovery has found. */
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

  /** The records of a range that starts at `next` are lost permanently: their offsets are not reused. */
  lose(range: LostRange): void {
    this.#lost = [...this.#lost, range]
    this.next = Math.max(this.next, range.end)
  }

  /** First offset of a read that starts at `offset`: skips lost ranges. */
  readFrom(offset: number): number {
    for (const { start, end } of this.#lost) if (offset >= start && offset < end) return end
    return offset
  }

  /** First offset in the index; `next` when it is empty. */
  get hotStart(): number {
    return this.index.length === 0 ? this.next : this.index.base(0)
  }

  /**
   * The WAL continues in a higher leader epoch. A later start offset means that other brokers led the partition in between: older batches
   * and producers of this WAL are not its end any more.
   */
  beginEpoch(epoch: number, startOffset: number): void {
    assert(epoch > this.leaderEpoch, 'leader epochs increase')
    this.leaderEpoch = epoch
    if (startOffset <= this.next) return
    this.index.dropFirst(this.index.length)
    this.#durable = 0
    this.producers = new ProducerState(producersMax)
    this.next = startOffset
  }

  push(baseOffset: number, count: number, position: number, bytes: number, maxTimestamp: number): void {
    assert(baseOffset >= this.next && count > 0, 'offsets of a partition ascend')
    this.index.push(baseOffset, count, position, bytes, maxTimestamp)
    this.next = baseOffset + count
  }

  /** Advances to the entries that are durable when the log is durable up to this position. */
  advanceDurable(position: number): void {
    if (this.#durable < this.index.length) this.#durable = this.index.countEndingBy(position, this.#durable)
  }

  /** End of the durable records. Call `advanceDurable` first. */
  get highWatermark(): number {
    return this.#durable === this.index.length ? this.next : this.index.base(this.#durable)
  }

  /** Number of durable entries. */
  get durableEntries(): number {
    return this.#durable
  }

  /**
   * Statistics of the durable batches in the WAL that end after `from`: offsets, bytes, and the timestamp of the first one. Call
   * `advanceDurable` first.
   */
  walStats(from: number): WalStats {
    const { index, highWatermark: end } = this
    const first = this.#endingAfter(from)
    if (first >= this.#durable) return { start: end, end, bytes: 0, oldest: -1 }
    return { start: index.base(first), end, bytes: index.bytesBetween(first, this.#durable), oldest: index.maxTimestamp(first) }
  }

  /**
   * Entry of the first durable batch with a largest timestamp of at least `timestamp`, of those that end after `from` and the log start; -1
   * if there is none. Call `advanceDurable` first.
   */
  firstSince(timestamp: number, from: number): number {
    return this.index.firstSince(timestamp, this.#firstAfter(from), this.#durable)
  }

  /** Entry of the first durable batch with the greatest timestamp, of those that end after `from` and the log start; -1 if there is none. */
  latest(from: number): number {
    return this.index.latest(this.#firstAfter(from), this.#durable)
  }

  /** The first entry that ends after this offset and the log start. */
  #firstAfter(from: number): number {
    return this.#endingAfter(Math.max(from, this.logStart))
  }

  #endingAfter(offset: number): number {
    const { index } = this
    const entry = Math.max(0, index.find(offset))
    return entry < index.length && index.base(entry) + index.count(entry) <= offset ? entry + 1 : entry
  }

  /** Removes the batches below this position of the WAL: they are in the object store. */
  dropBelow(position: number): void {
    const count = this.index.countEndingBy(position)
    this.index.dropFirst(count)
    this.#durable = Math.max(0, this.#durable - count)
  }
}

/** A parked fetch. `fresh` counts the bytes that became readable since it was parked. */
export interface Waiter {
  fresh: number
  readonly wanted: number
}
