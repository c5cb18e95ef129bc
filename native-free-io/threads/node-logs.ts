import type { MetadataLog } from '../../src/metadata/store.ts'
import type { ProducersHome } from '../disk/producers-file.ts'
import type { PipelineOptions } from './pipeline.ts'

/** All that a node must find again after a crash, but for its objects. */
export interface NodeLogs {
  readonly metadata: MetadataLog
  /** Bytes of a write to the metadata log that a crash cut off. */
  readonly tornBytes: number
  readonly wal: PipelineOptions['wal']
  readonly producers: ProducersHome
  /** What each thread counts that uses a store for the logs, in the rows of `storeTable`. */
  readonly meters: readonly Float64Array[]
  /** Resolves if no other node has taken the logs over until now; never, if one has. */
  confirm(): Promise<void>
  close(): Promise<void>
}
