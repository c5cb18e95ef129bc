import type { RoutedTopic } from '../../src/network/topic-routing.ts'
import type { PartitionId, PartitionSettings } from '../../src/ports/partitions.ts'

/** A row of the routing table for a topic whose partitions broker 1 leads. */
export const routedTopic = (
  name: string,
  topicId: string,
  partitionIds: readonly PartitionId[],
  settings: PartitionSettings,
): RoutedTopic => ({
  name,
  topicId,
  partitionIds: Int32Array.from(partitionIds),
  leaders: new Int32Array(partitionIds.length).fill(1),
  leaderEpochs: new Int32Array(partitionIds.length),
  settings,
})
