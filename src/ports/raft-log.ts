/** An offset, and the epoch of the last record below it: the id of a snapshot, and the end of a log. */
export interface OffsetAndEpoch {
  readonly offset: number
  readonly epoch: number
}

/** The first offset with an epoch. */
export interface EpochStart {
  readonly epoch: number
  readonly start: number
}

/** A whole batch with its place in the log. */
export interface RaftBatch {
  readonly baseOffset: number
  /** Offset after its last record. */
  readonly endOffset: number
  readonly epoch: number
  readonly bytes: Buffer
}

/**
 * The log of Raft on a replica.
 *
 * Contract: a call takes effect at once for readers, and reaches the disk in the order of the calls. The results never reject: a log that
 * cannot be written stops the node. Appended batches are read before they are durable; `syncedEnd` is the end of those that are.
 */
export interface RaftLog {
  /** First offset that is retained, and the epoch of the record before it: 0 if there never was one. */
  readonly start: OffsetAndEpoch
  readonly end: OffsetAndEpoch
  /** All records below are durable. */
  readonly syncedEnd: number
  /** Bytes of all retained batches. */
  readonly bytes: number
  /** The disk is full: the remaining space is reserved for records that free space. */
  readonly isFull: boolean
  /** Ascending. The first one may begin below `start`. */
  readonly epochs: readonly EpochStart[]
  /** Epoch of the last record below an offset in the log. */
  epochBefore(offset: number): number
  /** Resolves when the batches are durable. Waiting appends share a write and its sync. */
  append(batches: readonly RaftBatch[]): Promise<void>
  /** Removes all batches from an offset on, which is the start of a batch or the end of the log. */
  truncateTo(offset: number): Promise<void>
  /** Whole batches from the one that contains `from`, as far as they end at or below `upTo`; one at least, then at most `bytesMax` bytes. */
  read(from: number, upTo: number, bytesMax: number): Buffer
  /** The next batch begins a segment. To be called at a checkpoint, since only whole segments are removed. */
  roll(): Promise<void>
  /** The log starts at a snapshot with this offset. */
  dropBelow(offset: number): Promise<void>
  /** A snapshot replaces the log: it is empty, and continues at the end of the snapshot. */
  reset(snapshot: OffsetAndEpoch): Promise<void>
  /** After all earlier calls. */
  close(): Promise<void>
}
