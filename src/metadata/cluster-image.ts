import { assert } from '../base/assert.ts'
import type { PartitionId } from '../ports/partitions.ts'
import type { MetadataRecord } from './records.ts'

export interface TopicImage {
  readonly name: string
  readonly topicId: string
  readonly replicationFactor: number
  /** The id of each partition, by index. */
  readonly partitionIds: readonly PartitionId[]
  readonly configs: ReadonlyMap<string, string>
}

export interface PartitionImage {
  readonly partitionId: PartitionId
  readonly topicId: string
  /** Number of the partition within its topic. */
  readonly index: number
  /** Brokers that may lead the partition; the first one is preferred. */
  readonly replicas: readonly number[]
  /** The broker that has the partition open. */
  readonly leader: number
  /** Increases when the leader changes. */
  readonly leaderEpoch: number
  /** Increases with every change of the leader or the replicas. */
  readonly partitionEpoch: number
}

export interface BrokerImage {
  readonly brokerId: number
  /** Position of the registration in the metadata log: increases with every start of the broker. */
  readonly brokerEpoch: number
}

/** The entity of a quota, and its quotas. */
export interface QuotaImage {
  readonly entity: readonly { readonly entityType: string; readonly entityName: string | null }[]
  readonly quotas: readonly { readonly key: string; readonly value: number }[]
}

/** The node of a log; see the record. */
export interface FoundingImage {
  readonly nodeId: number
  readonly foundingId: string
  readonly firstObjectId: number
}

/** The cluster plane of the metadata: small, and needed by every node. */
export interface ClusterImage {
  readonly clusterId: string | null
  /** Null in a log of a release without it. */
  readonly founding: FoundingImage | null
  readonly topics: ReadonlyMap<string, TopicImage>
  readonly topicsById: ReadonlyMap<string, TopicImage>
  readonly partitions: ReadonlyMap<PartitionId, PartitionImage>
  /** Registered brokers, by id. */
  readonly brokers: ReadonlyMap<number, BrokerImage>
  /** Of all resources except topics, by Kafka's number of the resource type and by name; only resources with configs. */
  readonly configs: ReadonlyMap<number, ReadonlyMap<string, ReadonlyMap<string, string>>>
  /** By `quotaKey`. */
  readonly clientQuotas: ReadonlyMap<string, QuotaImage>
  readonly nextPartitionId: PartitionId
  readonly nextProducerId: bigint
}

/** The mutable form, for replay only. */
export interface MutableClusterImage extends ClusterImage {
  clusterId: string | null
  founding: FoundingImage | null
  readonly topics: Map<string, TopicImage>
  readonly topicsById: Map<string, TopicImage>
  readonly partitions: Map<PartitionId, PartitionImage>
  readonly brokers: Map<number, BrokerImage>
  readonly configs: Map<number, Map<string, ReadonlyMap<string, string>>>
  readonly clientQuotas: Map<string, QuotaImage>
  nextPartitionId: PartitionId
  nextProducerId: bigint
  /** Leader of partitions without recorded replicas. Releases with a single node recorded none. */
  readonly soleBroker: number
}

export const emptyClusterImage = (soleBroker: number): MutableClusterImage => ({
  clusterId: null,
  founding: null,
  topics: new Map(),
  topicsById: new Map(),
  partitions: new Map(),
  brokers: new Map(),
  configs: new Map(),
  clientQuotas: new Map(),
  nextPartitionId: 1,
  nextProducerId: 0n,
  soleBroker,
})

/** An independent copy. Rows are immutable, so they are shared. */
export const copyClusterImage = (image: MutableClusterImage): MutableClusterImage => ({
  ...image,
  topics: new Map(image.topics),
  topicsById: new Map(image.topicsById),
  partitions: new Map(image.partitions),
  brokers: new Map(image.brokers),
  configs: new Map([...image.configs].map(([type, configs]) => [type, new Map(configs)])),
  clientQuotas: new Map(image.clientQuotas),
})

/** Entities with equal parts are equal. The parts are sorted by type. */
export const quotaKey = (entity: QuotaImage['entity']): string =>
  JSON.stringify(entity.map(({ entityType, entityName }) => [entityType, entityName]))

/** Configs of a resource other than a topic. */
export const configsOf = (image: ClusterImage, resourceType: number, resource: string): ReadonlyMap<string, string> =>
  image.configs.get(resourceType)?.get(resource) ?? new Map()

type RecordOf<T extends MetadataRecord['type']> = Extract<MetadataRecord, { type: T }>

export function addTopic(image: MutableClusterImage, record: RecordOf<'topicCreated'>): void {
  const { name, topicId, replicationFactor, configs } = record
  assert(!image.topics.has(name), `topic ${name} is created once`)
  setTopic(image, { name, topicId, replicationFactor, partitionIds: [], configs })
  addPartitions(image, record)
}

/** A topic that was deleted meanwhile gets no partitions. */
export function addPartitions(
  image: MutableClusterImage,
  { topicId, partitionIds, replicas }: Pick<RecordOf<'partitionsAdded'>, 'topicId' | 'partitionIds' | 'replicas'>,
): void {
  const topic = image.topicsById.get(topicId)
  if (topic === undefined) return
  partitionIds.forEach((partitionId, at) => {
    assert(partitionId >= image.nextPartitionId, `partition id ${partitionId} has never been used`)
    image.nextPartitionId = partitionId + 1
    const own = replicas[at] ?? [image.soleBroker]
    const index = topic.partitionIds.length + at
    image.partitions.set(partitionId, { partitionId, topicId, index, replicas: own, leader: own[0]!, leaderEpoch: 0, partitionEpoch: 0 })
  })
  setTopic(image, { ...topic, partitionIds: [...topic.partitionIds, ...partitionIds] })
}

/** Returns the ids of the deleted partitions. */
export function deleteTopic(image: MutableClusterImage, topicId: string): readonly PartitionId[] {
  const topic = image.topicsById.get(topicId)
  if (topic === undefined) return []
  for (const partitionId of topic.partitionIds) image.partitions.delete(partitionId)
  image.topics.delete(topic.name)
  image.topicsById.delete(topicId)
  return topic.partitionIds
}

export function setConfigs(
  image: MutableClusterImage,
  record: RecordOf<'topicConfigChanged' | 'configsChanged' | 'clientQuotasChanged'>,
): void {
  if (record.type === 'topicConfigChanged') {
    const topic = image.topicsById.get(record.topicId)
    if (topic !== undefined) setTopic(image, { ...topic, configs: record.configs })
  } else if (record.type === 'clientQuotasChanged') {
    const { entity, quotas } = record
    if (quotas.length === 0) image.clientQuotas.delete(quotaKey(entity))
    else image.clientQuotas.set(quotaKey(entity), { entity, quotas })
  } else {
    const { resourceType, resource, configs } = record
    const ofType = image.configs.get(resourceType) ?? new Map<string, ReadonlyMap<string, string>>()
    if (configs.size > 0) image.configs.set(resourceType, ofType.set(resource, configs))
    else if (ofType.delete(resource) && ofType.size === 0) image.configs.delete(resourceType)
  }
}

function setTopic(image: MutableClusterImage, topic: TopicImage): void {
  image.topics.set(topic.name, topic)
  image.topicsById.set(topic.topicId, topic)
}

/** Records that describe the topics, in the order of their partition ids, which only increase in a log. */
export function topicRecords(image: ClusterImage): MetadataRecord[] {
  const runs = [...image.topicsById.values()].flatMap(runsOf).sort((a, b) => a.partitionIds[0]! - b.partitionIds[0]!)
  return runs.map(({ topic, at, partitionIds }) => {
    const { name, topicId, replicationFactor, configs } = topic
    const replicas = partitionIds.map((partitionId) => image.partitions.get(partitionId)!.replicas)
    return at === 0
      ? { type: 'topicCreated', name, topicId, replicationFactor, partitionIds, configs, replicas }
      : { type: 'partitionsAdded', topicId, partitionIds, replicas }
  })
}

export function configRecords(image: ClusterImage): MetadataRecord[] {
  const records: MetadataRecord[] = []
  for (const [resourceType, ofType] of image.configs) {
    for (const [resource, configs] of ofType) records.push({ type: 'configsChanged', resourceType, resource, configs })
  }
  for (const { entity, quotas } of image.clientQuotas.values()) records.push({ type: 'clientQuotasChanged', entity, quotas })
  return records
}

/** A topic's partition ids, split into consecutive ranges: ids of other topics may be between them. */
function runsOf(topic: TopicImage): { topic: TopicImage; at: number; partitionIds: PartitionId[] }[] {
  const runs: { topic: TopicImage; at: number; partitionIds: PartitionId[] }[] = []
  topic.partitionIds.forEach((partitionId, at) => {
    const last = runs.at(-1)
    if (last !== undefined && last.partitionIds.at(-1) === partitionId - 1) last.partitionIds.push(partitionId)
    else runs.push({ topic, at, partitionIds: [partitionId] })
  })
  return runs
}
