import type { PartitionId } from './partitions.ts'

export interface ProducerBatch {
  readonly firstSequence: number
  readonly lastSequence: number
  readonly baseOffset: number
  readonly timestamp: number
  /** WAL position that must be durable before the batch may be acknowledged again. */
  readonly end: number
}

/** State of an idempotent producer in a partition. */
export interface ProducerSnapshot {
  readonly id: number
  readonly epoch: number
  /** Oldest first. */
  readonly batches: readonly ProducerBatch[]
}

export type ProducerSnapshots = readonly (readonly [PartitionId, readonly ProducerSnapshot[]])[]

/** Contents of a snapshot of producers. */
export interface SavedProducers {
  /** Null in a snapshot of a release without founding ids. */
  readonly foundingId: string | null
  /** By lane. */
  readonly lanes: readonly LaneProducers[]
}

/** The producers of the partitions of a lane. */
export interface LaneProducers {
  /** Position of the end of the lane's WAL when the snapshot was taken. */
  readonly position: number
  readonly partitions: ProducerSnapshots
}

/** Storage for the state of producers without batches in the WAL. */
export interface ProducersHome {
  /** Replaces the producers of a lane. */
  save(lane: number, producers: LaneProducers): Promise<void>
}

/** Storage for one snapshot of the producers of all lanes. */
export interface ProducersStore {
  write(content: readonly Uint8Array[]): Promise<void>
  /** The snapshot of the last trim; undefined before the first. */
  load(): Promise<SavedProducers | undefined>
}
