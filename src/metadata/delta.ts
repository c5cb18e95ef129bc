import { resourceType } from '../config/config-entry.ts'
import type { PartitionId } from '../ports/partitions.ts'
import type { PartitionImage, TopicImage } from './cluster-image.ts'
import { type Image, type MutableImage, replay } from './image.ts'
import type { MetadataRecord } from './records.ts'

/** Effect of committed records on a topic and its partitions. */
export interface TopicDelta {
  readonly type: 'created' | 'grown' | 'deleted' | 'configured' | 'trimmed'
  readonly name: string
  readonly topicId: string
  /** All of the topic's, in the order of its partitions. */
  readonly partitionIds: readonly PartitionId[]
  /** Those that the change affects. */
  readonly touched: readonly PartitionId[]
  /** The partitions of a deleted topic as they were; empty otherwise. */
  readonly removed: readonly PartitionImage[]
}

/** Difference between an image before and after some committed records, for components with tables of their own. */
export interface MetadataDelta {
  /** In the order of the log. */
  readonly topics: readonly TopicDelta[]
  /** Whether configs of brokers changed: of one broker, or of all. */
  readonly hasBrokerConfigs: boolean
}

/** Applies the records to the image, in order. */
export function replayAll(image: MutableImage, records: readonly MetadataRecord[]): MetadataDelta {
  const topics: TopicDelta[] = []
  for (const record of records) {
    const before = topicOf(image, record)
    const removed = record.type === 'topicDeleted' && before !== undefined ? partitionsOf(image, before) : []
    replay(image, record)
    const topic = topicOf(image, record) ?? before
    if (topic !== undefined) topics.push(...deltaOf(record, topic, removed))
  }
  return { topics, hasBrokerConfigs: records.some(isBrokerConfig) }
}

const isBrokerConfig = (record: MetadataRecord): boolean => record.type === 'configsChanged' && record.resourceType === resourceType.broker

function topicOf({ cluster }: Image, record: MetadataRecord): TopicImage | undefined {
  if ('topicId' in record) return cluster.topicsById.get(record.topicId)
  return record.type === 'logStartMoved' ? cluster.topicsById.get(cluster.partitions.get(record.partitionId)?.topicId ?? '') : undefined
}

const partitionsOf = ({ cluster }: Image, { partitionIds }: TopicImage): readonly PartitionImage[] =>
  partitionIds.map((partitionId) => cluster.partitions.get(partitionId)!)

function deltaOf(record: MetadataRecord, topicImage: TopicImage, removed: readonly PartitionImage[]): TopicDelta[] {
  const { name, topicId, partitionIds } = topicImage
  const topic = { name, topicId, partitionIds, removed }
  switch (record.type) {
    case 'topicCreated':
      return [{ ...topic, type: 'created', touched: partitionIds }]
    case 'partitionsAdded':
      return [{ ...topic, type: 'grown', touched: record.partitionIds }]
    case 'topicDeleted':
      return [{ ...topic, type: 'deleted', touched: partitionIds }]
    case 'topicConfigChanged':
      return [{ ...topic, type: 'configured', touched: partitionIds }]
    case 'logStartMoved':
      return [{ ...topic, type: 'trimmed', touched: [record.partitionId] }]
    default:
      return []
  }
}
