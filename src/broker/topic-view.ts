import type { TopicImage } from '../metadata/cluster-image.ts'
import { errors } from '../wire/errors.ts'
import type { RequestContext } from './context.ts'

/** A partition in the form of the describe APIs. One copy is stored, regardless of the recorded replication factor. */
export interface PartitionView {
  readonly errorCode: number
  readonly partitionIndex: number
  readonly leaderId: number
  readonly leaderEpoch: number
  readonly replicaNodes: number[]
  readonly isrNodes: number[]
  readonly offlineReplicas: number[]
}

/** A partition that is not open yet has no leader. */
export function partitionView({ cluster }: RequestContext, topic: TopicImage, partition: number): PartitionView {
  const partitionId = topic.partitionIds[partition]!
  const { leader, leaderEpoch, replicas } = cluster.image.partitions.get(partitionId)!
  const isServed = cluster.isServed(partitionId)
  return {
    errorCode: isServed ? errors.NONE.code : errors.LEADER_NOT_AVAILABLE.code,
    partitionIndex: partition,
    leaderId: isServed ? leader : -1,
    leaderEpoch,
    replicaNodes: [...replicas],
    isrNodes: [...replicas],
    offlineReplicas: [],
  }
}
