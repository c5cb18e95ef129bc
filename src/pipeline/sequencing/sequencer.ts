import { assert } from '../../base/assert.ts'
import type { Partition } from '../../partition/partition.ts'
import type { LaneRequest, Reply } from '../../ports/lane-commands.ts'
import type { PartitionId } from '../../ports/partitions.ts'
import { putLong, type RingConsumer, type RingProducer } from '../../ring/ring.ts'
import type { WakeSignal } from '../../ring/wake-signal.ts'
import type { SegmentEnds } from '../../wal/segments.ts'
import { errors } from '../../wire/errors.ts'
import { laneHeader, narrow, widen } from '../lane-words.ts'
import { answerKind, append, appended, fetchRequest, readKind, reason, rejectedRecord, release } from '../ring-messages.ts'
import type { Appender, Outcome } from './appender.ts'
import { FetchReader } from './fetch-reader.ts'
import { LaneCommandsServer } from './lane-commands-server.ts'
import type { LogCache } from './log-cache.ts'

/** The sequencer's interface to one network worker. */
export interface Client {
  readonly appends: RingConsumer
  readonly reads: RingConsumer
  readonly answers: RingProducer
  readonly signal: WakeSignal
}

/**
 * A group of this size is published even while the writer is busy: the writer continues with it without a wake signal, and its padding is
 * small in comparison.
 */
const groupBytesMax = 64 << 10
/** Maximum messages of one ring in one turn, so that no network worker waits for another. */
const framesPerTurn = 256

/** Rows of the stage's counters. */
export interface SequencerCounters {
  add(row: 'batches' | 'records' | 'bytes' | 'refused' | 'duplicates' | 'fetches' | 'stalls', by: number): void
}

interface Served extends Client {
  readonly reader: FetchReader
  /** An answer was sent that does not wait for the disk. */
  isUrgent: boolean
}

interface Growth {
  readonly partition: Partition
  readonly end: number
  readonly bytes: number
}

/**
 * Validates and sequences batches: the only writer of its partitions. `turn` does all available work and returns its amount; the thread
 * sleeps after a result of 0.
 */
export class Sequencer {
  readonly #words: Int32Array
  readonly #lane: number
  readonly #memory: LogCache
  readonly #appender: Appender
  readonly #partitions: Map<PartitionId, Partition>
  readonly #clients: readonly Served[]
  readonly #persistence: WakeSignal
  readonly #counters: SequencerCounters
  readonly #commands: LaneCommandsServer
  #growth: Growth[] = []
  #stalled = false
  #published: number
  #durable: number
  #kept = 0
  #now = 0

  constructor(parts: {
    words: Int32Array
    /** Index of the lane's words. */
    lane: number
    memory: LogCache
    appender: Appender
    partitions: Map<PartitionId, Partition>
    /** See `LaneCommandsServerParts`. */
    ends?: SegmentEnds | undefined
    clients: readonly Client[]
    persistence: WakeSignal
    counters: SequencerCounters
  }) {
    this.#words = parts.words
    this.#lane = parts.lane
    this.#memory = parts.memory
    this.#appender = parts.appender
    this.#partitions = parts.partitions
    this.#persistence = parts.persistence
    this.#counters = parts.counters
    this.#published = parts.memory.end
    this.#durable = parts.memory.end
    this.#clients = parts.clients.map((client) => ({
      ...client,
      isUrgent: false,
      reader: new FetchReader({ ...parts, answers: client.answers, durable: this.#durable, onPark: (partition) => this.#watch(partition) }),
    }))
    this.#commands = new LaneCommandsServer({
      partitions: parts.partitions,
      appender: parts.appender,
      ends: parts.ends,
      readers: this.#clients.map(({ reader }) => reader),
      durable: () => this.#durable,
      end: () => this.#memory.end,
      onAppended: (partition, records) => this.#count(partition, records),
      publish: (isUrgent) => {
        if (isUrgent) this.#publish()
        // At once if the disk is idle: the next turn of the stage may be much later.
        this.#handOver()
      },
    })
  }

  /** `now` is the wall clock in milliseconds. */
  turn(now: number): number {
    this.#now = now
    this.#stalled = false
    let work = this.#readPersistence()
    for (const client of this.#clients) {
      const reads = client.reads.drain((kind, at) => this.#onRead(client, kind, at), framesPerTurn)
      const appends = client.appends.drain((_, at) => this.#onAppend(client, at), framesPerTurn)
      client.answers.publish()
      // Answers to appends are valid only when durable, and persistence sends a wake signal then. All other answers are awaited now.
      if (reads > 0 || client.isUrgent) client.signal.ring()
      client.isUrgent = false
      work += reads + appends
    }
    this.#handOver()
    this.#markBlocked()
    assert(this.#durable <= this.#published, 'only published records are durable')
    assert(this.#published <= this.#memory.end, 'only written records are published')
    return work
  }

  /** An append or an answer found no room: it waits for the disk, for a trim, or for a network worker to consume answers. */
  get stalled(): boolean {
    return this.#stalled
  }

  /** While an answer waits for room, a network worker that consumes answers sends a wake signal. */
  #markBlocked(): void {
    const isBlocked = this.#clients.some(({ answers }) => answers.claimFailed) ? 1 : 0
    const at = this.#lane + laneHeader.answersBlocked
    if (this.#words[at] !== isBlocked) Atomics.store(this.#words, at, isBlocked)
  }

  /** There is nothing to do until a wake signal, or until the reason for the stall has changed. */
  get idle(): boolean {
    const durable = Atomics.load(this.#words, this.#lane + laneHeader.durable)
    if (durable !== narrow(this.#durable)) return false
    if (this.#memory.end !== this.#published && this.#isWriterIdle()) return false
    if (this.#stalled && this.#trimmed() !== this.#kept) return false
    return this.#clients.every(({ answers, appends, reads }) => {
      if (answers.claimFailed) return answers.isStuck
      return reads.empty && (this.#stalled || appends.empty)
    })
  }

  execute(request: LaneRequest): Reply {
    const reply = this.#commands.execute(request)
    for (const client of this.#clients) if (client.answers.publish()) client.signal.ring()
    return reply
  }

  #readPersistence(): number {
    this.#kept = this.#trimmed()
    this.#memory.setTrimmed(widen(this.#kept, this.#durable))
    const durable = widen(Atomics.load(this.#words, this.#lane + laneHeader.durable), this.#durable)
    if (durable === this.#durable) return this.#wake()
    assert(durable > this.#durable && durable <= this.#published, 'the durable position advances, up to the published position')
    assert(widen(this.#kept, durable) <= durable, 'only durable records are trimmed')
    this.#durable = durable
    this.#memory.setDurable(durable)
    this.#appender.setDurable(durable)
    for (const client of this.#clients) client.reader.setDurable(durable)
    return 1 + this.#wake()
  }

  /** Answers fetches that waited for records that are durable now. A fetch whose answer finds no room is answered in a later turn. */
  #wake(): number {
    let reached = 0
    while (reached < this.#growth.length && this.#growth[reached]!.end <= this.#durable) {
      const { partition, bytes, end } = this.#growth[reached]!
      partition.advanceDurable(this.#durable)
      assert(bytes > 0, 'growth has bytes')
      assert(end <= this.#published, 'growth is published')
      this.#stalled = !this.#clients.every((client) => client.reader.wake(partition, bytes))
      if (this.#stalled) break
      reached++
    }
    if (reached > 0) this.#growth = this.#growth.slice(reached)
    for (const client of this.#clients) if (client.answers.publish()) client.signal.ring()
    return reached
  }

  /** In blocks, as the main thread stores it. */
  #trimmed(): number {
    return Atomics.load(this.#words, this.#lane + laneHeader.trimmed)
  }

  #onAppend(client: Served, at: number): boolean {
    const words = this.#words
    let answer = client.answers.claim(answerKind.appended, appended.words)
    if (answer < 0) return this.#stall()
    const partition = this.#partitions.get(words[at + append.partitionId]!)
    const { outcome } = this.#appender
    const next = partition?.next ?? 0
    if (partition === undefined || !partition.open) {
      Object.assign(outcome, {
        error: errors.UNKNOWN_TOPIC_OR_PARTITION.code,
        reason: reason.unknown,
        baseOffset: -1,
        durableAt: 0,
        rejected: [],
      })
    } else {
      const noRoom = this.#appender.append(
        partition,
        words[at + append.address]!,
        words[at + append.bytes]!,
        words[at + append.flags]!,
        this.#now,
      )
      if (noRoom !== undefined) {
        client.answers.unclaim(appended.words)
        return this.#stall()
      }
      assert(outcome.durableAt <= this.#memory.end, 'a result refers to records in the log')
      assert(partition.next >= next, 'offsets of a partition advance')
      if (partition.next !== next) this.#count(partition, partition.next - next)
      else if (outcome.error === 0) this.#counters.add('duplicates', 1)
    }
    if (outcome.rejected.length > 0) {
      client.answers.unclaim(appended.words)
      answer = client.answers.claim(answerKind.appended, appended.words + this.#rejectedIn(client) * rejectedRecord.words)
      // Nothing has been appended: the retry rejects the batch again.
      if (answer < 0) return this.#stall()
    }
    this.#writeAnswer(answer, at, outcome, partition, this.#rejectedIn(client))
    // The answer waits for no new write, and an earlier write may be complete already.
    if (partition === undefined || partition.next === next) client.isUrgent = true
    if (this.#memory.end - this.#published >= groupBytesMax) this.#publish()
    return true
  }

  #count(partition: Partition, records: number): void {
    const { index } = partition
    const bytes = index.bytes(index.length - 1)
    assert(records > 0 && index.base(index.length - 1) + records === partition.next, 'offsets of a partition are contiguous')
    assert(index.end(index.length - 1) <= this.#memory.end, 'the last batch ends within the log')
    this.#counters.add('batches', 1)
    this.#counters.add('records', records)
    this.#counters.add('bytes', bytes)
    if (partition.waiting.size > 0) this.#growth.push({ partition, end: partition.index.end(partition.index.length - 1), bytes })
  }

  /** Number of rejected records for which an answer has room. */
  #rejectedIn({ answers }: Served): number {
    return Math.min(this.#appender.outcome.rejected.length, Math.floor((answers.bodyWordsMax - appended.words) / rejectedRecord.words))
  }

  #writeAnswer(to: number, at: number, outcome: Outcome, partition: Partition | undefined, rejected: number): void {
    const words = this.#words
    assert(outcome.error === 0 ? outcome.baseOffset >= 0 : outcome.baseOffset === -1, 'an offset means success')
    assert(rejected === 0 || outcome.error !== 0, 'a batch with rejected records is rejected')
    words[to + appended.request] = words[at + append.request]!
    words[to + appended.part] = words[at + append.part]!
    words[to + appended.error] = outcome.error
    words[to + appended.reason] = outcome.reason
    putLong(words, to + appended.baseOffset, outcome.baseOffset)
    putLong(words, to + appended.logAppendTime, outcome.error === 0 ? outcome.logAppendTime : -1)
    putLong(words, to + appended.logStartOffset, hasLogStart(outcome) ? partition!.logStart : -1)
    putLong(words, to + appended.durableAt, outcome.durableAt)
    words[to + appended.rejected] = rejected
    for (let i = 0, record = to + appended.words; i < rejected; i++, record += rejectedRecord.words) {
      words[record + rejectedRecord.index] = outcome.rejected[i]!.index
      words[record + rejectedRecord.reason] = outcome.rejected[i]!.reason
    }
    if (outcome.error !== 0) this.#counters.add('refused', 1)
  }

  /** The records written so far must reach the disk before the stall can end. */
  #stall(): boolean {
    this.#counters.add('stalls', 1)
    this.#stalled = true
    this.#publish()
    assert(this.#published === this.#memory.end, 'a stall waits for no unpublished record')
    return false
  }

  #onRead(client: Served, kind: number, at: number): boolean {
    switch (kind) {
      case readKind.fetch:
        this.#counters.add('fetches', 1)
        return client.reader.fetch(at)
      case readKind.expire:
        return client.reader.expire(this.#words[at + fetchRequest.request]!)
      default:
        assert(kind === readKind.release, 'a read is a fetch, an expiry or a release')
        this.#release(at)
        return true
    }
  }

  #release(at: number): void {
    const words = this.#words
    const bytes = words[at + release.bytes]!
    assert(words[at + release.pin]! >= 0, 'a release names its pin')
    assert(bytes >= 0, 'a release keeps a range, or nothing')
    if (bytes === 0) this.#memory.unpin(words[at + release.pin]!)
    else this.#memory.narrow(words[at + release.pin]!, words[at + release.address]!, bytes)
  }

  /** Group commit without a timer: the next group accumulates while a write is in progress. */
  #handOver(): void {
    if (this.#memory.end === this.#published) return
    if (this.#isWriterIdle() || this.#memory.end - this.#published >= groupBytesMax) this.#publish()
  }

  #isWriterIdle(): boolean {
    return Atomics.load(this.#words, this.#lane + laneHeader.writerIdle) === 1
  }

  #publish(): void {
    if (this.#memory.end === this.#published) return
    const end = this.#memory.closeGroup()
    assert(end > this.#published, 'the published position advances')
    assert(end - this.#durable <= this.#memory.bytes, 'unflushed records are in the log cache')
    this.#published = end
    for (const client of this.#clients) client.answers.publish()
    Atomics.store(this.#words, this.#lane + laneHeader.published, narrow(this.#published))
    this.#persistence.ring()
  }

  /** A fetch now waits for this partition: its unflushed records will wake the fetch. */
  #watch(partition: Partition): void {
    const { index } = partition
    const { durableEntries } = partition
    assert(durableEntries <= index.length, 'durable batches are in the index')
    if (durableEntries === index.length) return
    const bytes = index.bytesBetween(durableEntries, index.length)
    assert(bytes > 0, 'growth has bytes')
    this.#growth.push({ partition, end: index.end(index.length - 1), bytes })
  }
}

/** When a batch is rejected before its log has checked the records, Kafka returns no log start offset. */
const beforeRecords: readonly number[] = [reason.notOneBatch, reason.zstd, reason.tooLarge, reason.crc, reason.unknown]
const hasLogStart = (outcome: Outcome): boolean => outcome.error === 0 || !beforeRecords.includes(outcome.reason)
