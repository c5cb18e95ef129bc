import { assert, unreachable } from '../base/assert.ts'
import type { LostRange, PartitionId } from '../ports/partitions.ts'
import type { MetadataRecord } from './records.ts'

export interface TopicImage {
  readonly name: string
  readonly topicId: string
  readonly replicationFactor: number
  /** The id of each partition. */
  readonly partitionIds: readonly PartitionId[]
  readonly configs: ReadonlyMap<string, string>
}

export interface PartitionImage {
  readonly partitionId: PartitionId
  readonly topicId: string
  readonly partition: number
  /** Increases when the partition's leader changes, which never happens with one node. */
  readonly leaderEpoch: number
  readonly logStartOffset: bigint
}

export interface ObjectImage {
  readonly objectId: number
  readonly bytes: number
  readonly parts: readonly ObjectPartImage[]
}

/** The part of an object that belongs to one partition. */
export interface ObjectPartImage {
  readonly partitionId: PartitionId
  readonly start: bigint
  readonly end: bigint
  readonly bytes: number
  /** Of its records, milliseconds since 1970. */
  readonly maxTimestamp: bigint
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

/** Recorded state of the WAL: it was durable at least up to this position. */
export interface WalMark {
  /** Of this log alone. */
  readonly secret: number
  readonly incarnation: number
  readonly stored: number
  readonly durable: number
}

/** State of the metadata log, up to the replayed position. */
export interface Image {
  readonly clusterId: string | null
  /** Null in a log of a release without it. */
  readonly founding: FoundingImage | null
  readonly wal: WalMark | null
  /** By partition, in the order of their offsets. */
  readonly lost: ReadonlyMap<PartitionId, readonly LostRange[]>
  /** Number of records of the log so far, including those that a snapshot replaced. */
  readonly recordCount: number
  readonly topics: ReadonlyMap<string, TopicImage>
  readonly topicsById: ReadonlyMap<string, TopicImage>
  readonly partitions: ReadonlyMap<PartitionId, PartitionImage>
  /** Committed, in the order of commitment. */
  readonly objects: ReadonlyMap<number, ObjectImage>
  /** Prepared, possibly in the store completely or in part; not committed. */
  readonly preparedObjects: ReadonlySet<number>
  /** Still in the store, and no longer read. */
  readonly markedObjects: ReadonlySet<number>
  /** End offset of compaction by key for each partition; partitions that were never compacted are absent. */
  readonly cleaned: ReadonlyMap<PartitionId, bigint>
  /** Of all resources except topics, by Kafka's number of the resource type and by name; only resources with configs. */
  readonly configs: ReadonlyMap<number, ReadonlyMap<string, ReadonlyMap<string, string>>>
  /** By `quotaKey`. */
  readonly clientQuotas: ReadonlyMap<string, QuotaImage>
  readonly nextObjectId: number
  readonly nextPartitionId: PartitionId
  readonly nextProducerId: bigint
}

/** The mutable form, for `replay` only. */
export interface MutableImage extends Image {
  clusterId: string | null
  founding: FoundingImage | null
  wal: WalMark | null
  readonly lost: Map<PartitionId, readonly LostRange[]>
  recordCount: number
  readonly topics: Map<string, TopicImage>
  readonly topicsById: Map<string, TopicImage>
  readonly partitions: Map<PartitionId, PartitionImage>
  readonly objects: Map<number, ObjectImage>
  readonly preparedObjects: Set<number>
  readonly markedObjects: Set<number>
  readonly cleaned: Map<PartitionId, bigint>
  readonly configs: Map<number, Map<string, ReadonlyMap<string, string>>>
  readonly clientQuotas: Map<string, QuotaImage>
  nextObjectId: number
  nextPartitionId: PartitionId
  nextProducerId: bigint
}

export const emptyImage = (): MutableImage => ({
  clusterId: null,
  founding: null,
  wal: null,
  lost: new Map(),
  recordCount: 0,
  topics: new Map(),
  topicsById: new Map(),
  partitions: new Map(),
  objects: new Map(),
  preparedObjects: new Set(),
  markedObjects: new Set(),
  cleaned: new Map(),
  configs: new Map(),
  clientQuotas: new Map(),
  nextObjectId: 1,
  nextPartitionId: 1,
  nextProducerId: 0n,
})

/**
 * Applies one record to the image.
 *
 * A fact about a deleted partition or topic has no effect: components that report facts may not have been notified of the deletion yet.
 */
export function replay(image: MutableImage, record: MetadataRecord): void {
  image.recordCount++
  switch (record.type) {
    case 'clusterFormatted':
      image.clusterId = record.clusterId
      return
    case 'nodeFounded':
      image.founding = { nodeId: record.nodeId, foundingId: record.foundingId, firstObjectId: record.firstObjectId }
      return
    case 'walMarked': {
      const { secret, incarnation, stored, durable } = record
      const known = image.wal?.incarnation === incarnation ? image.wal : { stored: 0, durable: 0 }
      image.wal = { secret, incarnation, stored: Math.max(known.stored, stored), durable: Math.max(known.durable, durable) }
      return
    }
    case 'recordsLost':
      addLost(image, record.partitionId, { start: Number(record.start), end: Number(record.end) })
      return
    case 'recordsCounted':
      image.recordCount = record.records
      return
    case 'topicCreated':
      assert(!image.topics.has(record.name), `topic ${record.name} is created once`)
      setTopic(image, {
        name: record.name,
        topicId: record.topicId,
        replicationFactor: record.replicationFactor,
        partitionIds: [],
        configs: record.configs,
      })
      addPartitions(image, record.topicId, record.partitionIds)
      return
    case 'partitionsAdded':
      addPartitions(image, record.topicId, record.partitionIds)
      return
    case 'topicDeleted':
      deleteTopic(image, record.topicId)
      return
    case 'topicConfigChanged':
    case 'configsChanged':
    case 'clientQuotasChanged':
      replayConfigs(image, record)
      return
    case 'logStartMoved': {
      const known = image.partitions.get(record.partitionId)
      if (known !== undefined && record.offset > known.logStartOffset) {
        image.partitions.set(record.partitionId, { ...known, logStartOffset: record.offset })
      }
      return
    }
    case 'producerIdsAllocated':
      if (record.next > image.nextProducerId) image.nextProducerId = record.next
      return
    case 'partitionIdsAllocated':
      image.nextPartitionId = Math.max(image.nextPartitionId, record.next)
      return
    case 'objectsPrepared':
      for (let objectId = record.first; objectId < record.first + record.count; objectId++) image.preparedObjects.add(objectId)
      image.nextObjectId = Math.max(image.nextObjectId, record.first + record.count)
      return
    case 'objectCommitted': {
      const { objectId, bytes, parts } = record
      image.objects.set(objectId, { objectId, bytes, parts })
      image.preparedObjects.delete(objectId)
      image.nextObjectId = Math.max(image.nextObjectId, objectId + 1)
      return
    }
    case 'objectsMarked':
      for (const objectId of record.objectIds) if (image.objects.delete(objectId)) image.markedObjects.add(objectId)
      return
    case 'objectsRemoved':
      for (const objectId of record.objectIds) {
        image.objects.delete(objectId)
        image.preparedObjects.delete(objectId)
        image.markedObjects.delete(objectId)
      }
      return
    case 'partitionCleaned':
      setCleaned(image, record)
      return
    default:
      unreachable(record)
  }
}

/** Entities with equal parts are equal. The parts are sorted by type. */
export const quotaKey = (entity: QuotaImage['entity']): string =>
  JSON.stringify(entity.map(({ entityType, entityName }) => [entityType, entityName]))

/** Configs of a resource other than a topic. */
export const configsOf = (image: Image, resourceType: number, resource: string): ReadonlyMap<string, string> =>
  image.configs.get(resourceType)?.get(resource) ?? new Map()

type ConfigRecord = Extract<MetadataRecord, { type: 'topicConfigChanged' | 'configsChanged' | 'clientQuotasChanged' }>

function replayConfigs(image: MutableImage, record: ConfigRecord): void {
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

function setCleaned(image: MutableImage, { partitionId, offset, objectIds }: Extract<MetadataRecord, { type: 'partitionCleaned' }>): void {
  const known = image.cleaned.get(partitionId) ?? 0n
  if (image.partitions.has(partitionId) && offset > known) image.cleaned.set(partitionId, offset)
  for (const objectId of objectIds) {
    const object = image.objects.get(objectId)
    if (object !== undefined)
      image.objects.set(objectId, { ...object, parts: object.parts.filter((part) => part.partitionId !== partitionId) })
  }
}

/** Two losses without a record between them are merged. */
function addLost(image: MutableImage, partitionId: PartitionId, range: LostRange): void {
  if (!image.partitions.has(partitionId)) return
  const known = image.lost.get(partitionId) ?? []
  const last = known.at(-1)
  const isSame = last !== undefined && last.end >= range.start
  image.lost.set(partitionId, isSame ? [...known.slice(0, -1), { start: last.start, end: range.end }] : [...known, range])
}

function setTopic(image: MutableImage, topic: TopicImage): void {
  image.topics.set(topic.name, topic)
  image.topicsById.set(topic.topicId, topic)
}

function addPartitions(image: MutableImage, topicId: string, partitionIds: readonly PartitionId[]): void {
  const topic = image.topicsById.get(topicId)
  if (topic === undefined) return
  partitionIds.forEach((partitionId, index) => {
    assert(partitionId >= image.nextPartitionId, `partition ${partitionId} has never been used`)
    image.nextPartitionId = partitionId + 1
    image.partitions.set(partitionId, {
      partitionId,
      topicId,
      partition: topic.partitionIds.length + index,
      leaderEpoch: 0,
      logStartOffset: 0n,
    })
  })
  setTopic(image, { ...topic, partitionIds: [...topic.partitionIds, ...partitionIds] })
}

function deleteTopic(image: MutableImage, topicId: string): void {
  const topic = image.topicsById.get(topicId)
  if (topic === undefined) return
  for (const partitionId of topic.partitionIds) {
    image.partitions.delete(partitionId)
    image.cleaned.delete(partitionId)
    image.lost.delete(partitionId)
  }
  image.topics.delete(topic.name)
  image.topicsById.delete(topicId)
}

/** Records that describe the whole image: replayed into an empty one, they produce an equal image. A log may start with them. */
export function recordsOf(image: Image): MetadataRecord[] {
  const records: MetadataRecord[] = []
  if (image.clusterId !== null) records.push({ type: 'clusterFormatted', clusterId: image.clusterId })
  if (image.founding !== null) records.push({ type: 'nodeFounded', ...image.founding })
  if (image.wal !== null) records.push({ type: 'walMarked', ...image.wal })
  // Sorted by first partition id, since these ids only increase in a log.
  const runs = [...image.topicsById.values()].flatMap(runsOf).sort((a, b) => a.partitionIds[0]! - b.partitionIds[0]!)
  for (const { topic, at, partitionIds } of runs) {
    const { name, topicId, replicationFactor, configs } = topic
    if (at === 0) records.push({ type: 'topicCreated', name, topicId, replicationFactor, partitionIds, configs })
    else records.push({ type: 'partitionsAdded', topicId, partitionIds })
  }
  for (const { partitionId, logStartOffset } of image.partitions.values()) {
    if (logStartOffset > 0n) records.push({ type: 'logStartMoved', partitionId, offset: logStartOffset })
  }
  for (const [partitionId, ranges] of image.lost) {
    for (const { start, end } of ranges) records.push({ type: 'recordsLost', partitionId, start: BigInt(start), end: BigInt(end) })
  }
  for (const [partitionId, offset] of image.cleaned) records.push({ type: 'partitionCleaned', partitionId, offset, objectIds: [] })
  records.push({ type: 'producerIdsAllocated', next: image.nextProducerId }, { type: 'partitionIdsAllocated', next: image.nextPartitionId })
  for (const [resourceType, ofType] of image.configs) {
    for (const [resource, configs] of ofType) records.push({ type: 'configsChanged', resourceType, resource, configs })
  }
  for (const { entity, quotas } of image.clientQuotas.values()) records.push({ type: 'clientQuotasChanged', entity, quotas })
  records.push(...objectRecords(image))
  // Last: its count covers all records above.
  records.push({ type: 'recordsCounted', records: image.recordCount })
  return records
}

/** Object numbers are never reused, so that a key never refers to two objects. */
function objectRecords(image: Image): MetadataRecord[] {
  const records: MetadataRecord[] = []
  for (const { objectId, bytes, parts } of image.objects.values()) records.push({ type: 'objectCommitted', objectId, bytes, parts })
  for (const objectId of image.markedObjects) {
    records.push({ type: 'objectCommitted', objectId, bytes: 0, parts: [] }, { type: 'objectsMarked', objectIds: [objectId] })
  }
  for (const objectId of image.preparedObjects) records.push({ type: 'objectsPrepared', first: objectId, count: 1 })
  if (image.nextObjectId > 1) records.push({ type: 'objectsPrepared', first: image.nextObjectId, count: 0 })
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
