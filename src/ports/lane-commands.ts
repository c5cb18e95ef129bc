import type { Leadership, LostRange, PartitionId, PartitionSettings, PartitionSpec } from './partitions.ts'
import type { ProducerSnapshot } from './producers.ts'
import type { TrimPoint } from './trim-point.ts'

/** Commands of the main thread to a sequencer. Each reply has the id of its command. */
export type Command =
  | { readonly type: 'open'; readonly partitions: readonly OpenPartition[] }
  | { readonly type: 'close'; readonly partitionIds: readonly PartitionId[] }
  | { readonly type: 'configure'; readonly partitionId: PartitionId; readonly settings: PartitionSettings }
  | { readonly type: 'offsets'; readonly partitionId: PartitionId }
  /** Statistics of the partition's batches in the WAL that end after `from`. */
  | { readonly type: 'walStats'; readonly partitionId: PartitionId; readonly from: number }
  | { readonly type: 'find'; readonly partitionId: PartitionId; readonly timestamp: number; readonly from: number }
  /** The first of the batches with the greatest timestamp, of those that end after `from`. */
  | { readonly type: 'findMax'; readonly partitionId: PartitionId; readonly from: number }
  | { readonly type: 'trim'; readonly partitionId: PartitionId; readonly offset: number }
  /** Records from the end of the partition on were lost; offsets continue after them. */
  | { readonly type: 'lose'; readonly partitionId: PartitionId; readonly range: LostRange }
  | { readonly type: 'expireProducers'; readonly before: number }
  | { readonly type: 'producers' }
  | { readonly type: 'producersOf'; readonly partitionId: PartitionId }
  /** Batches that the main thread has written into the arena; `now` is the wall clock. */
  | { readonly type: 'append'; readonly now: number; readonly batches: readonly StagedBatch[] }
  /** Locations of the durable batches from an offset on. */
  | { readonly type: 'places'; readonly partitionId: PartitionId; readonly from: number; readonly bytesMax: number }
  /** Batches of a segment of the WAL from `from` on that are not in the store. `stored`: existing partitions, and the end of their records in it. */
  | {
      readonly type: 'segment'
      readonly start: number
      readonly from: number
      readonly until: number
      readonly stored: ReadonlyMap<PartitionId, number>
    }
  /** All records below this position of the WAL are in the object store. */
  | { readonly type: 'stored'; readonly position: number }

export interface OpenPartition extends PartitionSpec {
  /** End offset of the records in the object store. */
  readonly storedEnd: number
  readonly producers: readonly ProducerSnapshot[]
  readonly lost: readonly LostRange[]
}

export interface StagedBatch extends Leadership {
  readonly address: number
  readonly bytes: number
}

/** Result of a staged batch; valid when the log is durable up to `durableAt`. */
export interface AppendedBatch {
  readonly error: number
  readonly baseOffset: number
  readonly durableAt: number
}

/** Location of a batch in the WAL. */
export interface BatchLocation {
  readonly baseOffset: number
  /** Number of offsets. */
  readonly count: number
  readonly position: number
  readonly bytes: number
  readonly maxTimestamp: number
}

/** Statistics of batches in the WAL. */
export interface WalStats {
  readonly start: number
  readonly end: number
  readonly bytes: number
  /** Timestamp of the first one; -1 if there is none. */
  readonly oldest: number
}

export type Reply =
  | { readonly type: 'done' }
  | { readonly type: 'unknown' }
  | ({ readonly type: 'walStats' } & WalStats)
  | { readonly type: 'offsets'; readonly logStart: number; readonly highWatermark: number; readonly leaderEpoch: number }
  | { readonly type: 'place'; readonly place: BatchLocation | undefined; readonly leaderEpoch: number }
  /** Shorter than the list in the command when there was no room for the rest. */
  | { readonly type: 'appended'; readonly batches: readonly AppendedBatch[] }
  /** Records before `hotStart` are only in the object store. */
  | { readonly type: 'places'; readonly places: readonly BatchLocation[]; readonly hotStart: number }
  /** Trim point at the end of the segment, undefined while no later record is durable; its rows, undefined if there are too many. */
  | { readonly type: 'segment'; readonly end: TrimPoint | undefined; readonly rows: Float64Array | undefined }
  /** The snapshots are valid when the log is durable up to `end`. */
  | {
      readonly type: 'producers'
      readonly partitions: readonly (readonly [PartitionId, readonly ProducerSnapshot[]])[]
      readonly end: number
    }
  | { readonly type: 'producersOf'; readonly producers: readonly ProducerSnapshot[] }

/** Type of the reply to each command. `unknown`: the partition is not served. */
interface ReplyTypes {
  readonly open: 'done'
  readonly close: 'done'
  readonly configure: 'done' | 'unknown'
  readonly offsets: 'offsets' | 'unknown'
  readonly walStats: 'walStats' | 'unknown'
  readonly find: 'place' | 'unknown'
  readonly findMax: 'place' | 'unknown'
  readonly trim: 'done' | 'unknown'
  readonly lose: 'done' | 'unknown'
  readonly expireProducers: 'done'
  readonly producers: 'producers'
  readonly producersOf: 'producersOf' | 'unknown'
  readonly append: 'appended'
  readonly places: 'places' | 'unknown'
  readonly segment: 'segment'
  readonly stored: 'done'
}
export type ReplyTo<C extends Command> = Extract<Reply, { readonly type: ReplyTypes[C['type']] }>

export interface LaneRequest {
  readonly id: number
  readonly command: Command
}
export interface LaneReply {
  readonly id: number
  readonly reply: Reply
}
