import { Partition } from '../../partition/partition.ts'
import type { BatchLocation, Command, LaneRequest, OpenPartition, Reply, ReplyTo } from '../../ports/lane-commands.ts'
import type { PartitionId } from '../../ports/partitions.ts'
import type { SegmentEnds } from '../../wal/segments.ts'
import type { Appender } from './appender.ts'
import { placeOf, placesFrom } from './batch-locations.ts'
import type { FetchReader } from './fetch-reader.ts'
import { appendStaged } from './main-appends.ts'
import { segmentRows } from './segment-rows.ts'

export interface LaneCommandsServerParts {
  readonly partitions: Map<PartitionId, Partition>
  readonly appender: Appender
  /** One for each network worker. */
  readonly readers: readonly FetchReader[]
  /** Position up to which the log is durable. */
  durable(): number
  /** Position up to which the log is sequenced. */
  end(): number
  /** Trim points at the ends of the segments, for a log that has some. */
  readonly ends: SegmentEnds | undefined
  /** The last entry of the partition's index has been appended with this many records. */
  onAppended(partition: Partition, records: number): void
  /** Appended batches are published at once, or when the disk is idle. */
  publish(isUrgent: boolean): void
}

type Handlers<C extends Command = Command> = {
  readonly [T in C['type']]: (command: Extract<C, { type: T }>) => ReplyTo<Extract<C, { type: T }>>
}
type PartitionCommand = Extract<Command, { partitionId: PartitionId }>
type PartitionHandlers = {
  readonly [T in PartitionCommand['type']]: (
    partition: Partition,
    command: Extract<PartitionCommand, { type: T }>,
  ) => ReplyTo<Extract<PartitionCommand, { type: T }>>
}

const done = { type: 'done' } as const

/** Executes the commands of the main thread on the partitions of a lane, in the thread of the sequencer. */
export class LaneCommandsServer {
  readonly #parts: LaneCommandsServerParts
  readonly #onLane: Handlers<Exclude<Command, PartitionCommand>>
  readonly #onPartition: PartitionHandlers

  constructor(parts: LaneCommandsServerParts) {
    this.#parts = parts
    const { partitions } = parts
    this.#onLane = {
      open: (command) => {
        for (const spec of command.partitions) this.#open(spec)
        return done
      },
      close: ({ partitionIds }) => {
        for (const id of partitionIds) this.#close(id)
        return done
      },
      producers: () => ({
        type: 'producers',
        partitions: Array.from(partitions.values(), (s) => [s.id, s.producers.snapshot()] as const),
        end: parts.end(),
      }),
      expireProducers: ({ before }) => {
        for (const partition of partitions.values()) partition.producers.expire(before)
        return done
      },
      append: ({ batches, now }) => {
        const appended = appendStaged(batches, partitions, parts.appender, now, parts.onAppended)
        // The appended batches must reach the disk before the rest finds room.
        parts.publish(appended.length < batches.length)
        return { type: 'appended', batches: appended }
      },
      segment: (part) => {
        const end = parts.ends?.at(part.until, parts.durable())
        return { type: 'segment', end, rows: end && segmentRows(partitions, part) }
      },
      stored: ({ position }) => {
        parts.ends?.dropBelow(position)
        for (const partition of partitions.values()) partition.dropBelow(position)
        return done
      },
    }
    this.#onPartition = {
      configure: (partition, { settings }) => {
        partition.settings = settings
        return done
      },
      offsets: ({ logStart, highWatermark, leaderEpoch }) => ({ type: 'offsets', logStart, highWatermark, leaderEpoch }),
      places: (partition, { from, bytesMax }) => ({
        type: 'places',
        places: placesFrom(partition, from, bytesMax),
        hotStart: partition.hotStart,
      }),
      producersOf: (partition) => ({ type: 'producersOf', producers: partition.producers.snapshot() }),
      walStats: (partition, { from }) => ({ type: 'walStats', ...partition.walStats(from) }),
      trim: (partition, { offset }) => {
        partition.logStart = Math.max(partition.logStart, offset)
        this.#notifyWaiters(partition)
        return done
      },
      lose: (partition, { range }) => {
        partition.lose(range)
        this.#notifyWaiters(partition)
        return done
      },
      find: (partition, { timestamp, from }) => placed(partition, partition.firstSince(timestamp, from)),
      findMax: (partition, { from }) => placed(partition, partition.latest(from)),
    }
  }

  execute({ command }: LaneRequest): Reply {
    if (!('partitionId' in command)) return handlerOf(this.#onLane, command)(command)
    const partition = this.#parts.partitions.get(command.partitionId)
    if (!partition?.open) return { type: 'unknown' }
    partition.advanceDurable(this.#parts.durable())
    return partitionHandlerOf(this.#onPartition, command)(partition, command)
  }

  #open(spec: OpenPartition): void {
    const { partitions } = this.#parts
    let partition = partitions.get(spec.partitionId)
    if (partition === undefined) {
      partition = new Partition(spec.partitionId)
      partitions.set(spec.partitionId, partition)
    }
    partition.adopt(spec, spec.storedEnd, spec.lost)
    partition.producers.restore(spec.producers, partition.next)
  }

  #close(id: PartitionId): void {
    const partition = this.#parts.partitions.get(id)
    if (partition === undefined) return
    partition.settings = undefined
    this.#notifyWaiters(partition)
    this.#parts.partitions.delete(id)
  }

  /** Answers the fetches that wait for the partition. */
  #notifyWaiters(partition: Partition): void {
    for (const reader of this.#parts.readers) reader.notifyWaiters(partition)
  }
}

const placed = (partition: Partition, entry: number): { type: 'place'; place: BatchLocation | undefined; leaderEpoch: number } => ({
  type: 'place',
  place: entry < 0 ? undefined : placeOf(partition, entry),
  leaderEpoch: partition.leaderEpoch,
})

// The handler at a command's type accepts that command: the compiler does not relate the two in a union.
const handlerOf = (handlers: Handlers<Exclude<Command, PartitionCommand>>, { type }: Exclude<Command, PartitionCommand>) =>
  handlers[type] as (command: Command) => Reply
const partitionHandlerOf = (handlers: PartitionHandlers, { type }: PartitionCommand) =>
  handlers[type] as (partition: Partition, command: Command) => Reply
