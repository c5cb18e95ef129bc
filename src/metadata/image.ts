import { assert, unreachable } from '../base/assert.ts'
import type { LostRange, PartitionId } from '../ports.ts'
import type { MetadataRecord } from './records.ts'

export interface TopicImage {
  readonly name: string
  readonly topicId: string
  readonly replicationFactor: number
  /** The id of each partition. */
  readonly streams: readonly PartitionId[]
  readonly configs: ReadonlyMap<string, string>
}

export interface StreamImage {
  readonly stream: PartitionId
  readonly topicId: string
  readonly partition: number
  /** Increases when the partition's leader changes, which never happens with one node. */
  readonly leaderEpoch: number
  readonly logStartOffset: bigint
}

export interface ObjectImage {
  readonly objectId: number
  readonly bytes: number
  readonly streams: readonly ObjectPartImage[]
}

/** The part of an object that belongs to one partition. */
export interface ObjectPartImage {
  readonly stream: PartitionId
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
  readonly streams: ReadonlyMap<PartitionId, StreamImage>
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
  readonly nextStream: PartitionId
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
  readonly streams: Map<PartitionId, StreamImage>
  readonly objects: Map<number, ObjectImage>
  readonly preparedObjects: Set<number>
  readonly markedObjects: Set<number>
  readonly cleaned: Map<PartitionId, bigint>
  readonly configs: Map<number, Map<string, ReadonlyMap<string, string>>>
  readonly clientQuotas: Map<string, QuotaImage>
  nextObjectId: number
  nextStream: PartitionId
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
  streams: new Map(),
  objects: new Map(),
  preparedObjects: new Set(),
  markedObjects: new Set(),
  cleaned: new Map(),
  configs: new Map(),
  clientQuotas: new Map(),
  nextObjectId: 1,
  nextStream: 1,
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
      addLost(image, record.stream, { start: Number(record.start), end: Number(record.end) })
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
        streams: [],
        configs: record.configs,
      })
      addStreams(image, record.topicId, record.streams)
      return
    case 'partitionsAdded':
      addStreams(image, record.topicId, record.streams)
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
      const known = image.streams.get(record.stream)
      if (known !== undefined && record.offset > known.logStartOffset) {
        image.streams.set(record.stream, { ...known, logStartOffset: record.offset })
      }
      return
    }
    case 'producerIdsAllocated':
      if (record.next > image.nextProducerId) image.nextProducerId = record.next
      return
    case 'streamsAllocated':
      image.nextStream = Math.max(image.nextStream, record.next)
      return
    case 'objectsPrepared':
      for (let objectId = record.first; objectId < record.first + record.count; objectId++) image.preparedObjects.add(objectId)
      image.nextObjectId = Math.max(image.nextObjectId, record.first + record.count)
      return
    case 'objectCommitted': {
      const { objectId, bytes, streams } = record
      image.objects.set(objectId, { objectId, bytes, streams })
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
    case 'streamCleaned':
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

function setCleaned(image: MutableImage, { stream, offset, objectIds }: Extract<MetadataRecord, { type: 'streamCleaned' }>): void {
  const known = image.cleaned.get(stream) ?? 0n
  if (image.streams.has(stream) && offset > known) image.cleaned.set(stream, offset)
  for (const objectId of objectIds) {
    const object = image.objects.get(objectId)
    if (object !== undefined) image.objects.set(objectId, { ...object, streams: object.streams.filter((part) => part.stream !== stream) })
  }
}

/** Two losses without a record between them are merged. */
function addLost(image: MutableImage, stream: PartitionId, range: LostRange): void {
  if (!image.streams.has(stream)) return
  const known = image.lost.get(stream) ?? []
  const last = known.at(-1)
  const isSame = last !== undefined && last.end >= range.start
  image.lost.set(stream, isSame ? [...known.slice(0, -1), { start: last.start, end: range.end }] : [...known, range])
}

function setTopic(image: MutableImage, topic: TopicImage): void {
  image.topics.set(topic.name, topic)
  image.topicsById.set(topic.topicId, topic)
}

function addStreams(image: MutableImage, topicId: string, streams: readonly PartitionId[]): void {
  const topic = image.topicsById.get(topicId)
  if (topic === undefined) return
  streams.forEach((stream, index) => {
    assert(stream >= image.nextStream, `stream ${stream} has never been used`)
    image.nextStream = stream + 1
    image.streams.set(stream, { stream, topicId, partition: topic.streams.length + index, leaderEpoch: 0, logStartOffset: 0n })
  })
  setTopic(image, { ...topic, streams: [...topic.streams, ...streams] })
}

function deleteTopic(image: MutableImage, topicId: string): void {
  const topic = image.topicsById.get(topicId)
  if (topic === undefined) return
  for (const stream of topic.streams) {
    image.streams.delete(stream)
    image.cleaned.delete(stream)
    image.lost.delete(stream)
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
  const runs = [...image.topicsById.values()].flatMap(runsOf).sort((a, b) => a.streams[0]! - b.streams[0]!)
  for (const { topic, at, streams } of runs) {
    const { name, topicId, replicationFactor, configs } = topic
    if (at === 0) records.push({ type: 'topicCreated', name, topicId, replicationFactor, streams, configs })
    else records.push({ type: 'partitionsAdded', topicId, streams })
  }
  for (const { stream, logStartOffset } of image.streams.values()) {
    if (logStartOffset > 0n) records.push({ type: 'logStartMoved', stream, offset: logStartOffset })
  }
  for (const [stream, ranges] of image.lost) {
    for (const { start, end } of ranges) records.push({ type: 'recordsLost', stream, start: BigInt(start), end: BigInt(end) })
  }
  for (const [stream, offset] of image.cleaned) records.push({ type: 'streamCleaned', stream, offset, objectIds: [] })
  records.push({ type: 'producerIdsAllocated', next: image.nextProducerId }, { type: 'streamsAllocated', next: image.nextStream })
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
  for (const { objectId, bytes, streams } of image.objects.values()) records.push({ type: 'objectCommitted', objectId, bytes, streams })
  for (const objectId of image.markedObjects) {
    records.push({ type: 'objectCommitted', objectId, bytes: 0, streams: [] }, { type: 'objectsMarked', objectIds: [objectId] })
  }
  for (const objectId of image.preparedObjects) records.push({ type: 'objectsPrepared', first: objectId, count: 1 })
  if (image.nextObjectId > 1) records.push({ type: 'objectsPrepared', first: image.nextObjectId, count: 0 })
  return records
}

/** A topic's partition ids, split into consecutive ranges: ids of other topics may be between them. */
function runsOf(topic: TopicImage): { topic: TopicImage; at: number; streams: PartitionId[] }[] {
  const runs: { topic: TopicImage; at: number; streams: PartitionId[] }[] = []
  topic.streams.forEach((stream, at) => {
    const last = runs.at(-1)
    if (last !== undefined && last.streams.at(-1) === stream - 1) last.streams.push(stream)
    else runs.push({ topic, at, streams: [stream] })
  })
  return runs
}
