import type { LeasedRange, WalRange } from './cold-reads.ts'
import type { ListPage } from './object-store.ts'
import type { PartitionId } from './partitions.ts'
import type { FullSegment } from './segment-rows.ts'
import type { DataBlock, ObjectContents, PartitionRange, StoredPart } from './stored-objects.ts'
import type { TrimPoint } from './trim-point.ts'

/** A part of the write-ahead log has been read. */
export interface Sealed {
  /** Start of the next object. */
  readonly end: TrimPoint
}

/** Result for a part of the log: its object, in the store; undefined when there was nothing to store. */
export interface BuiltPart extends Sealed {
  readonly object: ObjectContents | undefined
}

export interface Building {
  /** Resolves when the part has been read, which may be long before its object is stored. */
  readonly sealed: Promise<Sealed>
  /** Rejects with StoreFailed; then the same part can be built again. */
  readonly built: Promise<BuiltPart>
}

/** A part of an object that is copied into another. */
export interface Source extends PartitionRange {
  readonly objectId: number
  /** Size of the whole object. */
  readonly objectBytes: number
  readonly bytes: number
}

/** Compaction by key of one partition, from its log start on. Times in milliseconds. */
export interface CleanRules {
  readonly partitionId: PartitionId
  readonly logStart: number
  /** First offset that was never compacted. */
  readonly dirtyFrom: number
  /** Maximum size of the map of keys. */
  readonly mapBytes: number
  /** Maximum total size of the sources that are merged into one object. */
  readonly groupBytesMax: number
  readonly nowMs: number
  /** Retention of a tombstone, from its first compaction on. */
  readonly deleteRetentionMs: number
  /** The last offset of each producer whose state is retained. */
  readonly producers: ReadonlyMap<number, number>
}

export interface CleanedObjects {
  /** Up to this offset there is at most one record of each key now. */
  readonly end: number
  /** Number of sources that the outputs replace. */
  readonly replaced: number
  /** One for each id used; undefined where no record is left and no object was stored. */
  readonly outputs: readonly (ObjectContents | undefined)[]
}

/** Blocks of an object that one request reads, and their address in the block cache, where there is room for their gaps too. */
export interface BlockRun {
  readonly address: number
  readonly blocks: readonly DataBlock[]
}

/** Jobs of the object workers: requests to the store, and what takes long. They reject with StoreFailed after a fault of the store. */
export interface ObjectJobs {
  /** Builds an object from a durable part of a lane's log. `stored`: partitions of the lane, and the end of their records in the store. */
  build(lane: number, objectId: number, from: TrimPoint, until: number, stored: ReadonlyMap<PartitionId, number>): Building
  /**
   * Turns the file of a full segment of a lane's log into an object, without a copy of its data. `declined`: the store cannot, or the file is an
   * object already; then a copy has to be built.
   */
  promote(lane: number, objectId: number, segment: FullSegment): Promise<ObjectContents | 'declined'>
  /** Builds one object from these sources, which are ordered by partition and offset, without the records below `from`. */
  rewrite(objectId: number, sources: readonly (Source & { readonly from: number })[]): Promise<ObjectContents>
  /** Compacts parts of one partition by key. Uses as many of the ids as necessary. Rejects when the signal is aborted. */
  clean(objectIds: readonly number[], parts: readonly StoredPart[], rules: CleanRules, signal: AbortSignal): Promise<CleanedObjects>
  /** Reads the index and the footer of an object, possibly with bytes before them. */
  readTail(objectId: number, bytes: number): Promise<Uint8Array>
  /**
   * Resolves when the blocks of all runs match the index and are in the block cache: those of a run one after another, without gaps.
   * `urgent`: a read waits for them.
   */
  loadBlocks(objectId: number, runs: readonly BlockRun[], urgent: boolean): Promise<void>
  /** Batches that are only in the write-ahead log of a lane; undefined when one of them has been overwritten. */
  readWal(lane: number, ranges: readonly WalRange[]): Promise<Uint8Array<ArrayBuffer> | undefined>
  /** As `readWal`, one batch after another to `into`, which are addresses of the block memory. False in place of undefined. */
  copyWal(lane: number, ranges: readonly WalRange[], into: readonly LeasedRange[]): Promise<boolean>
  remove(objectIds: readonly number[]): Promise<void>
  removeKeys(keys: readonly string[]): Promise<void>
  /** Removes the remains of incomplete uploads with keys that start with `prefix`, if they started before this time. */
  abandonUploads(prefix: string, beforeMs: number): Promise<number>
  list(prefix: string, from: string | undefined): Promise<ListPage>
}

/**
 * Memory into which object jobs read: the block cache, which has `size` bytes from address `base` on, and a region for copies of records
 * that answers contain.
 */
export interface BlockMemory {
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly base: number
  readonly size: number
  readonly copies: { readonly base: number; readonly size: number }
}
