import type { Partition, Waiter } from '../../partition/partition.ts'
import type { PartitionId } from '../../ports/partitions.ts'
import { getLong, putLong, type RingProducer } from '../../ring/ring.ts'
import { errors } from '../../wire/errors.ts'
import { answerKind, fetch, fetched, fetchedPart, fetchedRange, fetchedSlice, fetchPart, where } from '../ring-messages.ts'
import type { LogCache } from './log-cache.ts'

/** Positions that the next 64 KiB of records will overwrite are not pinned. This also leaves room for record headers before a pin. */
const lappedSoon = 64 << 10
/** Maximum bytes of one response from the log cache, regardless of the client's limit: its slices stay pinned until it is sent. */
const hotBytesMax = 8 << 20
/** Shares of the log cache: 1/4 for all pins together, 1/8 for the span of one answer. Appends skip a pinned range as a whole. */
const pinnedShare = 4
const spanShare = 8
/** Limit of slices in one answer. */
const slicesMax = 2048

interface Part {
  readonly partitionId: PartitionId
  readonly offset: number
  readonly maxBytes: number
  readonly leaderEpoch: number
  readonly lastFetchedEpoch: number
}

/** A fetch of one network worker, parked until enough bytes can be read. */
class Parked implements Waiter {
  fresh = 0
  readonly wanted: number
  readonly request: number
  readonly maxBytes: number
  readonly parts: readonly Part[]

  constructor(request: number, wanted: number, maxBytes: number, parts: readonly Part[]) {
    this.request = request
    this.wanted = wanted
    this.maxBytes = maxBytes
    this.parts = parts
  }
}

/**
 * The client's records of an epoch continue beyond the end of that epoch. Only the current epoch can have diverged: a partition has never
 * had another.
 */
const hasDiverged = (partition: Partition, { offset, lastFetchedEpoch }: Part): boolean =>
  lastFetchedEpoch >= 0 && lastFetchedEpoch <= partition.leaderEpoch && offset > partition.next

export interface FetchReaderParts {
  readonly words: Int32Array
  readonly answers: RingProducer
  readonly memory: LogCache
  readonly partitions: ReadonlyMap<PartitionId, Partition>
  /** Position up to which the log is durable. */
  readonly durable: number
  /** Called for every partition that a parked fetch waits for. */
  onPark(partition: Partition): void
}

/** Answers the fetches of one network worker. */
export class FetchReader {
  readonly #words: Int32Array
  readonly #answers: RingProducer
  readonly #memory: LogCache
  readonly #partitions: ReadonlyMap<PartitionId, Partition>
  readonly #parked = new Map<number, Parked>()
  readonly #onPark: (partition: Partition) => void
  #durable: number

  constructor({ words, answers, memory, partitions, durable, onPark }: FetchReaderParts) {
    this.#words = words
    this.#answers = answers
    this.#memory = memory
    this.#partitions = partitions
    this.#durable = durable
    this.#onPark = onPark
  }

  get parked(): number {
    return this.#parked.size
  }

  setDurable(position: number): void {
    this.#durable = position
  }

  /** Returns true when handled, false when the answer ring is full: then the caller offers the message again. */
  fetch(at: number): boolean {
    const words = this.#words
    const parts: Part[] = []
    const count = words[at + fetch.parts]!
    for (let i = 0, from = at + fetch.words; i < count; i++, from += fetchPart.words) {
      const partitionId = words[from + fetchPart.partitionId]!
      const offset = getLong(words, from + fetchPart.offset)
      parts.push({
        partitionId,
        offset: this.#partitions.get(partitionId)?.readFrom(offset) ?? offset,
        maxBytes: words[from + fetchPart.maxBytes]!,
        leaderEpoch: words[from + fetchPart.leaderEpoch]!,
        lastFetchedEpoch: words[from + fetchPart.lastFetchedEpoch]!,
      })
    }
    const parked = new Parked(words[at + fetch.request]!, words[at + fetch.minBytes]!, words[at + fetch.maxBytes]!, parts)
    if (words[at + fetch.wait] === 0 || this.#isReady(parked)) return this.#answer(parked)
    this.#parked.set(parked.request, parked)
    for (const part of parts) {
      const partition = this.#partitions.get(part.partitionId)!
      partition.waiting.add(parked)
      this.#onPark(partition)
    }
    return true
  }

  expire(request: number): boolean {
    const parked = this.#parked.get(request)
    return parked === undefined || this.#answer(parked)
  }

  /** Answers the fetches that now have enough bytes. Returns false when the answer ring is full. */
  wake(partition: Partition, bytes: number): boolean {
    for (const waiter of partition.waiting) {
      if (!(waiter instanceof Parked) || this.#parked.get(waiter.request) !== waiter) continue
      waiter.fresh += bytes
      // `fresh` may contain bytes twice, or more bytes of a partition than its limit.
      if (waiter.fresh >= waiter.wanted && this.#isReady(waiter) && !this.#answer(waiter)) return false
    }
    return true
  }

  /** Answers all fetches of a partition that was closed or whose log start moved. */
  notifyWaiters(partition: Partition): boolean {
    return this.wake(partition, Number.MAX_SAFE_INTEGER)
  }

  #forget(parked: Parked): void {
    this.#parked.delete(parked.request)
    for (const part of parked.parts) this.#partitions.get(part.partitionId)?.waiting.delete(parked)
  }

  /** True when enough bytes can be read, or when the answer cannot wait, such as an error. */
  #isReady(parked: Parked): boolean {
    let readable = 0
    for (const part of parked.parts) {
      const partition = this.#partitions.get(part.partitionId)
      if (this.#problem(partition, part) !== 0 || hasDiverged(partition!, part)) return true
      partition!.advanceDurable(this.#durable)
      if (part.offset < partition!.hotStart && part.offset < partition!.highWatermark) return true
      readable += this.#readable(partition!, part)
      if (readable >= parked.wanted) return true
    }
    parked.fresh = readable
    return parked.wanted <= 0
  }

  #problem(partition: Partition | undefined, part: Part): number {
    if (partition === undefined || !partition.open) return errors.UNKNOWN_TOPIC_OR_PARTITION.code
    if (part.leaderEpoch >= 0 && part.leaderEpoch < partition.leaderEpoch) return errors.FENCED_LEADER_EPOCH.code
    if (part.leaderEpoch > partition.leaderEpoch) return errors.UNKNOWN_LEADER_EPOCH.code
    if (hasDiverged(partition, part)) return 0
    const isAhead = part.offset > partition.next || part.lastFetchedEpoch > partition.leaderEpoch
    return part.offset < partition.logStart || isAhead ? errors.OFFSET_OUT_OF_RANGE.code : 0
  }

  /** Durable bytes from the offset on, up to the partition's limit. */
  #readable(partition: Partition, part: Part): number {
    let bytes = 0
    const { index } = partition
    for (let i = Math.max(0, index.find(part.offset)); i < partition.durableEntries && bytes < part.maxBytes; i++) {
      if (index.base(i) + index.count(i) > part.offset) bytes += index.bytes(i)
    }
    return Math.min(bytes, part.maxBytes)
  }

  /** Writes the answer as a ring message. As in KIP-74, the first batch of the first partition that has one is always returned. */
  #answer(parked: Parked): boolean {
    const words = this.#words
    let slices = 0
    for (const part of parked.parts) slices += this.#slicesOf(part)
    slices = Math.min(slices, slicesMax)
    const wordsNeeded = fetched.words + parked.parts.length * fetchedPart.words + slices * fetchedRange.words
    const at = this.#answers.claim(answerKind.fetched, wordsNeeded)
    if (at < 0) return false
    this.#forget(parked)
    const budget = { bytes: Math.min(parked.maxBytes, hotBytesMax), slices, first: true, from: Number.POSITIVE_INFINITY, to: 0 }
    let to = at + fetched.words
    for (const part of parked.parts) to = this.#writePart(part, to, budget)
    words[at + fetched.request] = parked.request
    words[at + fetched.parts] = parked.parts.length
    words[at + fetched.pin] = budget.to > 0 ? this.#memory.pin(budget.from, budget.to) : -1
    return true
  }

  #slicesOf(part: Part): number {
    const partition = this.#partitions.get(part.partitionId)
    if (this.#problem(partition, part) !== 0) return 0
    partition!.advanceDurable(this.#durable)
    // The offset may be beyond the durable batches.
    return Math.max(0, partition!.durableEntries - Math.max(0, partition!.index.find(part.offset)))
  }

  #writePart(part: Part, at: number, budget: Budget): number {
    const words = this.#words
    const partition = this.#partitions.get(part.partitionId)
    const error = this.#problem(partition, part)
    const known = partition?.open ? partition : undefined
    words[at + fetchedPart.partitionId] = part.partitionId
    words[at + fetchedPart.error] = error
    words[at + fetchedPart.where] = where.none
    words[at + fetchedPart.count] = 0
    words[at + fetchedPart.allowance] = 0
    words[at + fetchedPart.leaderEpoch] = known?.leaderEpoch ?? -1
    putLong(words, at + fetchedPart.highWatermark, error === 0 ? known!.highWatermark : -1)
    putLong(words, at + fetchedPart.logStartOffset, error === 0 ? known!.logStart : -1)
    const to = at + fetchedPart.words
    if (error === 0 && hasDiverged(known!, part)) words[at + fetchedPart.where] = where.diverged
    if (error !== 0 || part.offset >= known!.highWatermark) return to
    const allowance = Math.min(part.maxBytes, budget.bytes)
    words[at + fetchedPart.allowance] = allowance
    if (part.offset < known!.hotStart) {
      if (allowance <= 0 && !budget.first) return to
      words[at + fetchedPart.where] = where.cold
      budget.bytes -= allowance
      budget.first = false
      return to
    }
    return this.#writeSlices(known!, part, at, allowance, budget)
  }

  /** The records stay in the log cache long enough to be sent, and the span of the answer's pin stays within its limit. */
  #isHot(position: number, pinned: Budget): boolean {
    const { oldest, end, bytes, pinned: pinnedBytes } = this.#memory
    if (position < oldest || position < end + lappedSoon - bytes || pinnedBytes >= bytes / pinnedShare) return false
    return pinned.to === 0 || Math.max(pinned.to, position) - Math.min(pinned.from, position) <= bytes / spanShare
  }

  #writeSlices(partition: Partition, part: Part, at: number, allowance: number, budget: Budget): number {
    const words = this.#words
    const { index } = partition
    const first = Math.max(0, index.find(part.offset))
    const hot = this.#isHot(index.position(first), budget)
    let to = at + fetchedPart.words
    let bytes = 0
    let count = 0
    for (let i = first; i < partition.durableEntries && budget.slices > 0; i++) {
      const size = index.bytes(i)
      if (bytes + size > allowance && !(budget.first && count === 0)) break
      const position = index.position(i)
      if (hot && count > 0 && position + size - budget.from > this.#memory.bytes / spanShare) break
      if (hot) {
        words[to + fetchedSlice.address] = this.#memory.address(position)
        words[to + fetchedSlice.bytes] = size
        to += fetchedSlice.words
        budget.from = Math.min(budget.from, position)
        budget.to = Math.max(budget.to, position + size)
      } else {
        putLong(words, to + fetchedRange.position, position)
        words[to + fetchedRange.bytes] = size
        to += fetchedRange.words
      }
      bytes += size
      count++
      budget.slices--
    }
    if (count > 0) {
      budget.first = false
      budget.bytes -= bytes
      words[at + fetchedPart.where] = hot ? where.hot : where.warm
      words[at + fetchedPart.count] = count
    }
    return to
  }
}

interface Budget {
  bytes: number
  slices: number
  first: boolean
  from: number
  to: number
}
