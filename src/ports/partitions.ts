/** A partition's log. Ids are never reused, so a deleted topic cannot be mistaken for its successor. */
export type PartitionId = number

/** A codec and its compression level; each codec has its own levels. */
export interface Packing {
  readonly codec: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
  readonly level: number
}

/** Topic configs that the sequencer needs to validate a batch. Times in milliseconds, sizes in bytes. */
export interface PartitionSettings {
  readonly maxMessageBytes: number
  readonly timestampType: 'CreateTime' | 'LogAppendTime'
  readonly timestampBeforeMaxMs: bigint
  readonly timestampAfterMaxMs: bigint
  /** `cleanup.policy` contains `compact`: a record without a key is rejected. */
  readonly compacted: boolean
  /** `compression.type`: batches with another codec are compressed again; undefined leaves batches unchanged. */
  readonly packing: Packing | undefined
}

/** Offsets that no record has or will have, although records before and after them exist. */
export interface LostRange {
  readonly start: number
  readonly end: number
}

export interface PartitionSpec {
  readonly partitionId: PartitionId
  readonly leaderEpoch: number
  /** Records below are deleted (DeleteRecords); never decreases. */
  readonly logStartOffset: bigint
  readonly settings: PartitionSettings
}

export interface PartitionOffsets {
  readonly logStartOffset: bigint
  /** End of the durable records; consumers read below it. */
  readonly highWatermark: bigint
  readonly leaderEpoch: number
}

/** A result of ListOffsets: offset and timestamp are -1 if nothing was found. */
export interface FoundOffset {
  readonly offset: bigint
  readonly timestamp: bigint
  readonly leaderEpoch: number
}

/** State of an idempotent producer in a partition. */
export interface ActiveProducer {
  readonly producerId: bigint
  readonly epoch: number
  readonly lastSequence: number
  readonly lastTimestamp: bigint
}

/** The logs of this node's partitions, as the actors of the main thread use them. */
export interface Partitions {
  /** Resolves when every lane serves them. A partition with records in the WAL is opened with these records. */
  open(specs: readonly PartitionSpec[]): Promise<void>
  /** Resolves when no lane serves them; no reader can read their records any more. */
  close(partitionIds: readonly PartitionId[]): Promise<void>
  configure(partitionId: PartitionId, settings: PartitionSettings): Promise<void>
  offsets(partitionId: PartitionId): Promise<PartitionOffsets>
  /** The first record, in offset order, whose timestamp is at least `timestamp`. */
  findTimestamp(partitionId: PartitionId, timestamp: bigint): Promise<FoundOffset>
  /** The first of the records with the greatest timestamp (ListOffsets -3). */
  findMaxTimestamp(partitionId: PartitionId): Promise<FoundOffset>
  /** Bytes of the partition's batches in all storage. */
  size(partitionId: PartitionId): Promise<number>
  producers(partitionId: PartitionId): Promise<readonly ActiveProducer[]>
  /** Makes `offset` the first readable one; the metadata log already contains it. */
  trim(partitionId: PartitionId, offset: bigint): Promise<void>
}

/** This node does not serve the partition, or not in this leader epoch. */
export class PartitionNotServed extends Error {}

/** A leader epoch of a partition. A topic with the name of a deleted topic has partitions with greater ids. */
export interface Leadership {
  readonly partitionId: PartitionId
  readonly leaderEpoch: number
}

/** A partition's log, for coordinators that store their state in one. Both methods reject with PartitionNotServed. */
export interface CoordinatorLog {
  /**
   * Resolves when the batches are durable, with the offset of each. Offsets are consecutive, in the order of the calls. Batches of another
   * leader epoch are rejected: a coordinator that has not received its resignation does not write behind its successor.
   */
  append(leadership: Leadership, batches: readonly Uint8Array[]): Promise<readonly bigint[]>
  /**
   * Whole durable batches, starting with the one that contains `offset`: at most `bytesMax` bytes, but at least one batch. Empty at the end
   * of the log.
   */
  read(partitionId: PartitionId, offset: bigint, bytesMax: number): Promise<Uint8Array>
}
