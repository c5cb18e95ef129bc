import type { Settings } from '../config/settings.ts'
import type { Controller, TopicsChanged } from '../controller/controller.ts'
import { replicationFactorMax } from '../controller/create-topics.ts'
import type { GroupCoordinator } from '../group/coordinator.ts'
import { offsetsTopicName } from '../metadata/topic-names.ts'
import type { PartitionId } from '../ports/partitions.ts'
import type { Entropy } from '../ports/world.ts'
import { newTopicId } from './topic-ids.ts'

/** Creates the offsets topic, at the first request for the coordinator of a group. Concurrent calls create it once. */
export function offsetsTopicCreation(controller: Controller, settings: Settings, entropy: Entropy): () => Promise<void> {
  let creating: Promise<void> | undefined
  const create = async (): Promise<void> => {
    const topic = {
      name: offsetsTopicName,
      topicId: newTopicId(entropy),
      partitions: settings['offsets.topic.num.partitions'],
      replicationFactor: Math.min(settings['offsets.topic.replication.factor'], replicationFactorMax),
      assignments: [],
      configs: [
        { name: 'cleanup.policy', value: 'compact' },
        { name: 'compression.type', value: 'producer' },
        { name: 'max.message.bytes', value: String(settings['message.max.bytes']) },
      ],
    }
    await controller.ask({ type: 'createTopics', topics: [topic], validateOnly: false })
  }
  return () => {
    creating ??= create().finally(() => (creating = undefined))
    return creating
  }
}

/** One node leads every partition, in one epoch. */
const leaderEpoch = 0

/** Elects and resigns the group coordinators of the partitions of the offsets topic, and passes changed topics to them. */
export function followTopics(groups: GroupCoordinator, { name, topicId, partitions, change }: TopicsChanged): void {
  if (name === offsetsTopicName) followOffsetsTopic(groups, partitions, change)
  if (change === 'deleted') groups.topicDeleted(name)
  else if (change === 'opened') groups.topicChanged(name, topicId, partitions.length)
}

function followOffsetsTopic(groups: GroupCoordinator, partitionIds: readonly PartitionId[], change: TopicsChanged['change']): void {
  if (change === 'opened') {
    groups.offsetsTopicOpened(partitionIds.length)
    for (const [partition, partitionId] of partitionIds.entries()) groups.elect(partition, { partitionId, leaderEpoch })
  } else if (change === 'deleted') {
    groups.offsetsTopicDeleted()
    for (const [partition, partitionId] of partitionIds.entries()) groups.resign(partition, { partitionId, leaderEpoch })
  }
}
