import { below, type Prng } from '../../../src/base/prng.ts'
import { Partition } from '../../../src/partition/partition.ts'
import { placeOf, placesFrom } from '../../../src/pipeline/sequencing/batch-locations.ts'
import type { Lane, WalState } from '../../../src/ports/lane.ts'
import type { AppendedBatch, Command, Reply, ReplyTo } from '../../../src/ports/lane-commands.ts'
import type { PartitionId } from '../../../src/ports/partitions.ts'
import type { TrimPoint } from '../../../src/ports/trim-point.ts'
import { alignBlock, walRecord } from '../../../src/wal/wal-record.ts'
import { errors } from '../../../src/wire/errors.ts'
import { type BatchHeader, batchHeader, readBatchHeader } from '../../../src/wire/record-batch.ts'
import type { Incarnation, VirtualTime } from './virtual-time.ts'

/** A record of the WAL: one batch. */
export interface WalEntry {
  readonly partitionId: PartitionId
  /** Position of its header, and the position after its batch. */
  readonly position: number
  readonly end: number
  readonly batch: Buffer
  readonly header: BatchHeader
  readonly incarnation: number
}

/** The disk of a WAL; it outlives every node. */
export class WalDisk {
  entries: WalEntry[] = []
  durable = 0
  state: WalState

  constructor(capacity: number) {
    this.state = { capacity, incarnation: 0, secret: 7, trimmed: 0, previous: 0, previousIncarnation: 0 }
  }

  /** Of the records that were not durable at the crash, the first ones may have been written. */
  crash(random: Prng): void {
    const written = this.entries.filter(({ end }) => end <= this.durable).length
    const survivors = written + below(random, this.entries.length - written + 1)
    this.entries.length = survivors
    this.durable = Math.max(this.durable, alignBlock(this.entries.at(-1)?.end ?? 0))
  }
}

const stagingBytes = 128 << 10
const stagingAt = 4096
const header = (batch: Buffer): BatchHeader => readBatchHeader(new DataView(batch.buffer, batch.byteOffset, batch.length), 0)
const countOf = ({ lastOffsetDelta }: BatchHeader): number => lastOffsetDelta + 1

export interface LaneHooks {
  readonly index: number
  readonly incarnation: Incarnation
  /** Number of the incarnation. */
  readonly start: number

  /** An entry has its offset, and is not durable yet. */
  onAppended(entry: WalEntry): void
  /** Called before the disk releases the records below the trim point. */
  onTrim(point: TrimPoint): void
  /** A command is executed. Its reply is sent when the result resolves. */
  onReply(command: Command): Promise<void> | undefined
}

/** A lane of one incarnation over the disk: production partitions, over a model of sequencer and persistence. */
export class LaneModel implements Lane {
  readonly index: number
  readonly disk: WalDisk
  readonly staging = { base: stagingAt, memory: new Uint8Array(stagingBytes) }
  readonly partitions = new Map<PartitionId, Partition>()
  readonly #time: VirtualTime
  readonly #random: Prng
  readonly #hooks: LaneHooks
  #published: number
  #wake: (() => void) | undefined
  #flushing = false

  constructor(disk: WalDisk, time: VirtualTime, random: Prng, hooks: LaneHooks) {
    this.index = hooks.index
    this.disk = disk
    this.#time = time
    this.#random = random
    this.#hooks = hooks
    disk.state = { ...disk.state, incarnation: hooks.start }
    this.#published = disk.durable
    for (const entry of disk.entries) this.#replay(entry)
  }

  #replay(entry: WalEntry): void {
    const partition = this.partitions.get(entry.partitionId) ?? new Partition(entry.partitionId)
    this.partitions.set(entry.partitionId, partition)
    this.#index(partition, entry)
    const { producerId, producerEpoch, baseSequence, baseOffset, maxTimestamp } = entry.header
    if (producerId < 0n) return
    partition.producers.replay(
      ...([Number(producerId), producerEpoch, baseSequence, countOf(entry.header)] as const),
      ...([Number(baseOffset), Number(maxTimestamp)] as const),
    )
  }

  #index(partition: Partition, { position, batch, header: { baseOffset, maxTimestamp, lastOffsetDelta } }: WalEntry): void {
    partition.push(Number(baseOffset), lastOffsetDelta + 1, position + walRecord.bytes, batch.length, Number(maxTimestamp))
  }

  get published(): number {
    return this.#published
  }
  get durable(): number {
    return this.disk.durable
  }
  get stored(): number {
    return this.disk.state.trimmed
  }
  get wal(): { readonly state: WalState } {
    return { state: this.disk.state }
  }

  async call<C extends Command>(command: C): Promise<ReplyTo<C>> {
    await this.#pause(2)
    const reply = this.#execute(command)
    await this.#hooks.onReply(command)
    await this.#pause(2)
    return reply as ReplyTo<C>
  }

  async trim(point: TrimPoint): Promise<void> {
    await this.#pause(3)
    this.#hooks.onTrim(point)
    this.disk.state = { ...this.disk.state, ...point }
    this.disk.entries = this.disk.entries.filter(({ position }) => position >= point.trimmed)
    await this.call({ type: 'stored', position: point.trimmed })
  }

  onDurable(idle: () => boolean, wake: () => void): boolean {
    if (!idle()) return false
    this.#wake = wake
    return true
  }

  #pause(msMax: number): Promise<void> {
    return this.#time.pause(this.#hooks.incarnation, below(this.#random, msMax + 1))
  }

  #execute(command: Command): Reply {
    switch (command.type) {
      case 'open':
        for (const spec of command.partitions) {
          const partition = this.partitions.get(spec.partitionId) ?? new Partition(spec.partitionId)
          this.partitions.set(spec.partitionId, partition)
          partition.adopt(spec, spec.storedEnd, spec.lost)
          partition.producers.restore(spec.producers, partition.next)
        }
        return { type: 'done' }
      case 'close':
        for (const partitionId of command.partitionIds) this.partitions.delete(partitionId)
        return { type: 'done' }
      case 'producers': {
        const partitions = [...this.partitions.values()].map(({ id, producers }) => [id, producers.snapshot()] as const)
        return structuredClone({ type: 'producers', partitions, end: this.#published })
      }
      case 'expireProducers':
        return { type: 'done' }
      case 'append':
        return { type: 'appended', batches: command.batches.flatMap((staged) => this.#append(staged) ?? []) }
      case 'segment':
        return { type: 'segment', end: undefined, rows: undefined }
      case 'stored':
        for (const partition of this.partitions.values()) partition.dropBelow(command.position)
        return { type: 'done' }
      default: {
        const partition = this.partitions.get(command.partitionId)
        return partition?.open ? this.#executeOn(partition, command) : { type: 'unknown' }
      }
    }
  }

  #executeOn(partition: Partition, command: Extract<Command, { partitionId: PartitionId }>): Reply {
    partition.advanceDurable(this.durable)
    const { leaderEpoch } = partition
    const place = (entry: number): Reply => ({ type: 'place', place: entry < 0 ? undefined : placeOf(partition, entry), leaderEpoch })
    switch (command.type) {
      case 'configure':
        partition.settings = command.settings
        return { type: 'done' }
      case 'offsets':
        return { type: 'offsets', logStart: partition.logStart, highWatermark: partition.highWatermark, leaderEpoch }
      case 'places':
        return { type: 'places', places: placesFrom(partition, command.from, command.bytesMax), hotStart: partition.hotStart }
      case 'producersOf':
        return { type: 'producersOf', producers: structuredClone(partition.producers.snapshot()) }
      case 'walStats':
        return { type: 'walStats', ...partition.walStats(command.from) }
      case 'trim':
        partition.logStart = Math.max(partition.logStart, command.offset)
        return { type: 'done' }
      case 'lose':
        partition.lose(command.range)
        return { type: 'done' }
      case 'find':
        return place(partition.firstSince(command.timestamp, command.from))
      case 'findMax':
        return place(partition.latest(command.from))
    }
  }

  #append({
    partitionId,
    address,
    bytes,
  }: {
    readonly partitionId: PartitionId
    readonly address: number
    readonly bytes: number
  }): AppendedBatch | undefined {
    const partition = this.partitions.get(partitionId)
    if (!partition?.open) return { error: errors.UNKNOWN_TOPIC_OR_PARTITION.code, baseOffset: -1, durableAt: 0 }
    const position = this.#published
    const end = position + walRecord.bytes + bytes
    if (alignBlock(end) > this.disk.state.trimmed + this.disk.state.capacity) return undefined
    const batch = Buffer.from(this.staging.memory.subarray(address - stagingAt, address - stagingAt + bytes))
    batch.writeBigInt64BE(BigInt(partition.next), batchHeader.baseOffset)
    const entry = { partitionId, position, end, batch, header: header(batch), incarnation: this.disk.state.incarnation }
    const { producerId, producerEpoch, baseSequence, baseOffset, maxTimestamp } = entry.header
    this.#index(partition, entry)
    if (producerId >= 0n) {
      partition.producers.append(
        ...([Number(producerId), producerEpoch, baseSequence, countOf(entry.header)] as const),
        ...([Number(baseOffset), Number(maxTimestamp), end] as const),
      )
    }
    this.disk.entries.push(entry)
    this.#published = end
    this.#hooks.onAppended(entry)
    void this.#flush()
    return { error: 0, baseOffset: Number(baseOffset), durableAt: end }
  }

  /** A group ends with its last block. Records that arrive during a write form the next group. */
  async #flush(): Promise<void> {
    if (this.#flushing) return
    this.#flushing = true
    await this.#pause(2)
    while (this.durable < this.#published) {
      this.#published = alignBlock(this.#published)
      const group = this.#published
      await this.#pause(12)
      this.disk.durable = group
      const wake = this.#wake
      this.#wake = undefined
      wake?.()
    }
    this.#flushing = false
  }
}
