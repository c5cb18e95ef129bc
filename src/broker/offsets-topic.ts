import type { TopicChange } from '../cluster/partition-host.ts'
import type { Settings } from '../config/settings.ts'
import type { ControllerClient } from '../controller/commands.ts'
import { replicationFactorMax } from '../controller/create-topics.ts'
import type { GroupCoordinator } from '../group/coordinator.ts'
import { offsetsTopicName } from '../metadata/topic-names.ts'
import type { Entropy } from '../ports/world.ts'
import { newTopicId } from './topic-ids.ts'

/** Creates the offsets topic, at the first request for the coordinator of a group. Concurrent calls create it once. */
export function offsetsTopicCreation(controller: ControllerClient, settings: Settings, entropy: Entropy): () => Promise<void> {
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
    await controller.request({ type: 'createTopics', topics: [topic], validateOnly: false })
  }
  return () => {
    creating ??= create().finally(() => (creating = undefined))
    return creating
  }
}

/** Elects and resigns the group coordinators of the partitions of the offsets topic, and passes changed topics to them. */
export function followTopics(groups: GroupCoordinator, nodeId: number, topic: TopicChange): void {
  const { name, topicId, partitionIds, change } = topic
  if (name === offsetsTopicName) followOffsetsTopic(groups, nodeId, topic)
  if (change === 'deleted') groups.topicDeleted(name)
  else if (change === 'opened') groups.topicChanged(name, topicId, partitionIds.length)
}

function followOffsetsTopic(groups: GroupCoordinator, nodeId: number, { change, partitionIds, leaders, leaderEpochs }: TopicChange): void {
  if (change === 'configured') return
  if (change === 'opened') groups.offsetsTopicOpened(partitionIds.length)
  else groups.offsetsTopicDeleted()
  for (const [partition, partitionId] of partitionIds.entries()) {
    const leaderEpoch = leaderEpochs[partition]!
    const isLeader = change === 'opened' && leaders[partition] === nodeId
    if (isLeader) groups.elect(partition, { partitionId, leaderEpoch })
    else groups.resign(partition, { partitionId, leaderEpoch })
  }
}
