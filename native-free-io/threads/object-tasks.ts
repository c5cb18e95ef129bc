/** Tasks of the object workers: plain data, sent to their threads. */
import type { MessagePort } from 'node:worker_threads'
import type { LaneWal } from '../../src/network/thread-messages.ts'
import type { LeasedRange, WalRange } from '../../src/ports/cold-reads.ts'
import type { CleanRules, Sealed, Source } from '../../src/ports/object-jobs.ts'
import type { StoreFault, StoreLocation } from '../../src/ports/object-store.ts'
import type { PartitionId } from '../../src/ports/partitions.ts'
import type { FullSegment } from '../../src/ports/segment-rows.ts'
import type { StoredPart } from '../../src/ports/stored-objects.ts'
import type { TrimPoint } from '../../src/ports/trim-point.ts'
import type { SpareSegments } from '../disk/spare-segments.ts'
import type { WalPositions } from '../disk/wal-ranges.ts'
import type { RequestedRun } from '../store/load-blocks.ts'

/** Memory of an S3 WAL, which contains the whole log. */
export interface LogPlace {
  readonly memory: WebAssembly.Memory
  readonly base: number
  readonly bytes: number
}

/** Data for the start of every object worker. */
export interface ObjectWorkerData {
  readonly store: StoreLocation
  /** Memory into which blocks are read. */
  readonly blocks: WebAssembly.Memory
  /** The log cache of each lane, for S3 WALs. */
  readonly logs: readonly (LogPlace | undefined)[]
}

export interface BuildTask {
  readonly lane: number
  readonly wal: LaneWal
  readonly from: TrimPoint
  readonly until: number
  readonly key: string
  /** Key that must exist in the store before an object is put: a folder without it is not mounted. Null for stores that are not mounted. */
  readonly marker: string | null
  /** Existing partitions of the lane, and the end of their records in the store. */
  readonly stored: ReadonlyMap<PartitionId, number>
  /** Receives `Sealed` before the upload of the object starts. */
  readonly port: MessagePort
}

/** The part was read, but the store failed. */
export interface UnbuiltPart extends Sealed {
  readonly fault: StoreFault
}

/** Turns the file of a segment into an object. */
export interface PromoteTask {
  /** Path of the segment's file. */
  readonly path: string
  readonly segment: FullSegment
  readonly key: string
  /** As in `BuildTask`. */
  readonly marker: string | null
}

/** Removes objects. Files of former segments become segments of the log again, where the log has segments. */
export interface RemoveTask {
  readonly keys: readonly string[]
  /** By lane. */
  readonly spares: readonly SpareSegments[]
}

/** Builds one object from parts of existing objects, block by block. */
export interface RewriteTask {
  readonly key: string
  readonly sources: readonly (Source & { readonly key: string; readonly from: number })[]
}

/** Compaction by key of one partition, from its log start on. */
export interface CleanTask extends CleanRules {
  /** In the order of their offsets; the parts that exist have no gap between them. */
  readonly sources: readonly (StoredPart & { readonly key: string })[]
  /** Keys of the new objects: at least the maximum number of objects. */
  readonly keys: readonly string[]
}

export interface TailTask {
  readonly key: string
  /** Size of the object. */
  readonly bytes: number
}

export interface BlocksTask {
  readonly key: string
  readonly runs: readonly RequestedRun[]
  /** A read waits for the blocks. */
  readonly urgent: boolean
}

export interface RangesTask extends WalPositions {
  readonly path: string
  readonly ranges: readonly WalRange[]
  /** Addresses of the block memory; null for memory of its own. */
  readonly into: readonly LeasedRange[] | null
}
