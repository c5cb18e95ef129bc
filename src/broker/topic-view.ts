import type { TopicImage } from '../metadata/image.ts'
import { errors } from '../wire/errors.ts'
import type { RequestContext } from './context.ts'

/** A partition in the form of the describe APIs. There is one replica, on this node, regardless of the recorded replication factor. */
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
export function partitionView({ controller, nodeId }: RequestContext, topic: TopicImage, partition: number): PartitionView {
  const partitionId = topic.partitionIds[partition]!
  const isServed = controller.isServed(partitionId)
  return {
    errorCode: isServed ? errors.NONE.code : errors.LEADER_NOT_AVAILABLE.code,
    partitionIndex: partition,
    leaderId: isServed ? nodeId : -1,
    leaderEpoch: controller.image.partitions.get(partitionId)!.leaderEpoch,
    replicaNodes: [nodeId],
    isrNodes: [nodeId],
    offlineReplicas: [],
  }
}
