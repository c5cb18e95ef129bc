/** The doors between what decides (`src`) and what touches the world (`native-free-io`, joined by `workers`). */

/** A partition's log. Numbers are given out once and never reused, so a deleted topic cannot be mistaken for its successor. */
export type StreamId = number

/** What the sequencer must know of a topic's configs to validate a batch. Times in milliseconds, sizes in bytes. */
export interface StreamSettings {
  readonly maxMessageBytes: number
  readonly timestampType: 'CreateTime' | 'LogAppendTime'
  readonly timestampBeforeMaxMs: bigint
  readonly timestampAfterMaxMs: bigint
  /** `cleanup.policy` contains `compact`: a record without a key is refused. */
  readonly compacted: boolean
}

export interface StreamSpec {
  readonly stream: StreamId
  readonly leaderEpoch: number
  /** Records below are deleted (DeleteRecords); never goes back. */
  readonly logStartOffset: bigint
  readonly settings: StreamSettings
}

export interface StreamOffsets {
  readonly logStartOffset: bigint
  /** End of what is durable; what consumers may read ends here. */
  readonly highWatermark: bigint
  readonly leaderEpoch: number
}

/** An answer of ListOffsets: offset and timestamp are -1 where nothing was found. */
export interface FoundOffset {
  readonly offset: bigint
  readonly timestamp: bigint
  readonly leaderEpoch: number
}

/** The logs of this node's partitions, as the actors of the main thread see them. */
export interface Streams {
  /** Resolves when every lane serves them. A stream that the write-ahead log knows comes back with its records. */
  open(specs: readonly StreamSpec[]): Promise<void>
  /** Resolves when no lane serves them; their records are gone for every reader. */
  close(streams: readonly StreamId[]): Promise<void>
  configure(stream: StreamId, settings: StreamSettings): Promise<void>
  offsets(stream: StreamId): Promise<StreamOffsets>
  /** The first record, in offset order, whose timestamp is at least `timestamp`. */
  findTimestamp(stream: StreamId, timestamp: bigint): Promise<FoundOffset>
  /** The first of the records that carry the greatest timestamp (ListOffsets -3). */
  findMaxTimestamp(stream: StreamId): Promise<FoundOffset>
  /** Makes `offset` the first that can be read; the metadata log has it already. */
  trim(stream: StreamId, offset: bigint): Promise<void>
}

/** Durable, ordered storage for the metadata log. `append` resolves when a crash cannot undo it. */
export interface MetadataStore {
  append(records: readonly Uint8Array[]): Promise<void>
}

/** Bytes nobody can guess: topic ids, cluster ids. */
export interface Entropy {
  bytes(count: number): Uint8Array
}

/** Wall clock, milliseconds since 1970. */
export interface Clock {
  now(): number
}
