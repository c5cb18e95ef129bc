import type { Settings } from '../config/settings.ts'
import type { Controller } from '../controller/controller.ts'
import { replicationFactorMax } from '../controller/create-topics.ts'
import type { OffsetsTopic } from '../group/coordinator.ts'
import { offsetsTopicName } from '../metadata/topic-names.ts'
import type { PartitionId } from '../ports/partitions.ts'
import type { Entropy } from '../ports/world.ts'
import { newTopicId } from './topic-ids.ts'

/** The offsets topic in the metadata image. It is created at the first request for the coordinator of a group. */
export function offsetsTopic(controller: Controller, settings: Settings, entropy: Entropy): OffsetsTopic {
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
  return {
    partitionIds(): readonly PartitionId[] | undefined {
      const partitionIds = controller.image.topics.get(offsetsTopicName)?.partitionIds
      return partitionIds?.every((partitionId) => controller.isServed(partitionId)) ? partitionIds : undefined
    },
    create(): Promise<void> {
      creating ??= create().finally(() => (creating = undefined))
      return creating
    },
    idOf: (topic) => controller.image.topics.get(topic)?.topicId,
  }
}
