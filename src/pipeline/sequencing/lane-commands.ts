import type { ProducerSnapshot } from '../../partition/producer-state.ts'
import type { LostRange, PartitionId, PartitionSettings, PartitionSpec } from '../../ports.ts'

/** What the main thread asks of a sequencer. Each is answered under its id. */
export type Command =
  | { readonly type: 'open'; readonly streams: readonly OpenStream[] }
  | { readonly type: 'close'; readonly streams: readonly PartitionId[] }
  | { readonly type: 'configure'; readonly stream: PartitionId; readonly settings: PartitionSettings }
  | { readonly type: 'offsets'; readonly stream: PartitionId }
  /** What of the stream is in the write-ahead log. */
  | { readonly type: 'extent'; readonly stream: PartitionId }
  | { readonly type: 'find'; readonly stream: PartitionId; readonly timestamp: number; readonly from: number }
  /** Of the batches that end behind `from`, the first of those with the greatest timestamp. */
  | { readonly type: 'findMax'; readonly stream: PartitionId; readonly from: number }
  | { readonly type: 'trim'; readonly stream: PartitionId; readonly offset: number }
  /** Records from the end of the stream on were lost; offsets go on behind them. */
  | { readonly type: 'lose'; readonly stream: PartitionId; readonly range: LostRange }
  | { readonly type: 'expireProducers'; readonly before: number }
  | { readonly type: 'producers' }
  | { readonly type: 'producersOf'; readonly stream: PartitionId }
  /** Batches that the main thread has put into the arena; `now` is the wall clock. */
  | { readonly type: 'append'; readonly now: number; readonly batches: readonly StagedBatch[] }
  /** Where the durable batches from an offset on lie. */
  | { readonly type: 'places'; readonly stream: PartitionId; readonly from: number; readonly bytesMax: number }
  /** The object store holds everything below this position of the write-ahead log. */
  | { readonly type: 'stored'; readonly position: number }

export interface OpenStream extends PartitionSpec {
  /** End of what the object store holds. */
  readonly storedEnd: number
  readonly producers: readonly ProducerSnapshot[]
  readonly lost: readonly LostRange[]
}

export interface StagedBatch {
  readonly stream: PartitionId
  readonly address: number
  readonly bytes: number
}

/** What became of a staged batch; valid once the log is durable up to `durableAt`. */
export interface AppendedBatch {
  readonly error: number
  readonly baseOffset: number
  readonly durableAt: number
}

/** Where a batch lies in the write-ahead log. */
export interface BatchLocation {
  readonly baseOffset: number
  /** Offsets it takes. */
  readonly count: number
  readonly position: number
  readonly bytes: number
  readonly maxTimestamp: number
}

export type Reply =
  | { readonly type: 'done' }
  | { readonly type: 'unknown' }
  /** `oldest` is when its first record was dated, -1 for none. */
  | { readonly type: 'extent'; readonly start: number; readonly end: number; readonly bytes: number; readonly oldest: number }
  | { readonly type: 'offsets'; readonly logStart: number; readonly highWatermark: number; readonly leaderEpoch: number }
  | { readonly type: 'place'; readonly place: BatchLocation | undefined; readonly leaderEpoch: number }
  /** Shorter than what was asked for where there was no room for the rest. */
  | { readonly type: 'appended'; readonly batches: readonly AppendedBatch[] }
  /** `hotStart`: what lies before it is in the object store alone. */
  | { readonly type: 'places'; readonly places: readonly BatchLocation[]; readonly hotStart: number }
  /** `end` is the position up to which the log must be durable for the snapshots to hold. */
  | {
      readonly type: 'producers'
      readonly streams: readonly (readonly [PartitionId, readonly ProducerSnapshot[]])[]
      readonly end: number
    }
  | { readonly type: 'producersOf'; readonly producers: readonly ProducerSnapshot[] }

export interface Asked {
  readonly id: number
  readonly command: Command
}
export interface Answered {
  readonly id: number
  readonly reply: Reply
}
