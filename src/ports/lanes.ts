import type { Lane } from './lane.ts'
import type { PartitionId } from './partitions.ts'

/** Maximum number of lanes of a node. */
export const lanesMax = 16

/** The lane of a partition, by its index. The number of lanes changes only between two starts of a node. */
export const laneOf = (partitionId: PartitionId, lanes: number): number => partitionId % lanes

/** The lanes of a node. Each partition belongs to one. */
export class Lanes<L extends Lane = Lane> {
  /** By index. */
  readonly all: readonly L[]

  constructor(all: readonly L[]) {
    this.all = all
  }

  of(partitionId: PartitionId): L {
    return this.all[laneOf(partitionId, this.all.length)]!
  }
}
