import type { MetadataLog } from '../../src/metadata/metadata-log.ts'
import type { ProducersStore } from '../../src/ports/producers.ts'
import type { LaneLog } from './pipeline.ts'

/** All state that a node needs after a crash, except its objects. */
export interface NodeLogs {
  readonly metadata: MetadataLog
  /** Bytes of a write to the metadata log that a crash cut off. */
  readonly tornBytes: number
  /** By lane. */
  readonly wals: readonly LaneLog['wal'][]
  readonly producers: ProducersStore
  /** Counters of each thread that uses a store for the logs, in the rows of `storeTable`. */
  readonly meters: readonly Float64Array[]
  /** Resolves if no other node has taken over the logs so far; otherwise never. */
  confirm(): Promise<void>
  close(): Promise<void>
}
