import { unreachable } from '../base/assert.ts'
import {
  addPartitions,
  addTopic,
  type ClusterImage,
  configRecords,
  copyClusterImage,
  deleteTopic,
  emptyClusterImage,
  type MutableClusterImage,
  setConfigs,
  topicRecords,
} from './cluster-image.ts'
import { decodeRecord, type MetadataRecord } from './records.ts'
import {
  addLost,
  addStoredPartitions,
  changeLanes,
  commitObject,
  copyStorageImage,
  dropStoredPartitions,
  emptyStorageImage,
  type MutableStorageImage,
  markObjects,
  markWal,
  moveLogStart,
  objectRecords,
  partitionStorageRecords,
  prepareObjects,
  removeObjects,
  type StorageImage,
  setCleaned,
  walRecords,
} from './storage-image.ts'

/** State of the metadata log, up to the replayed position. */
export interface Image {
  readonly cluster: ClusterImage
  readonly storage: StorageImage
  /** Number of records of the log so far, including those that a snapshot replaced. */
  readonly recordCount: number
}

/** The mutable form, for `replay` only. */
export interface MutableImage extends Image {
  readonly cluster: MutableClusterImage
  readonly storage: MutableStorageImage
  recordCount: number
}

/** `soleBroker`: the node of this log, which has the partitions of records without replicas. */
export const emptyImage = (soleBroker: number): MutableImage => ({
  cluster: emptyClusterImage(soleBroker),
  storage: emptyStorageImage(),
  recordCount: 0,
})

/** The image of a log's records. Throws DamagedRecord. */
export function imageOf(records: readonly Uint8Array[], soleBroker: number): MutableImage {
  const image = emptyImage(soleBroker)
  for (const record of records) replay(image, decodeRecord(record))
  return image
}

/** An independent copy. */
export const copyImage = ({ cluster, storage, recordCount }: MutableImage): MutableImage => ({
  cluster: copyClusterImage(cluster),
  storage: copyStorageImage(storage),
  recordCount,
})

/**
 * Applies one record to the image.
 *
 * A record about a deleted partition or topic has no effect: its writer may not have been notified of the deletion yet.
 */
export function replay(image: MutableImage, record: MetadataRecord): void {
  const { cluster, storage } = image
  image.recordCount++
  switch (record.type) {
    case 'clusterFormatted':
      cluster.clusterId = record.clusterId
      return
    case 'nodeFounded':
      cluster.founding = { nodeId: record.nodeId, foundingId: record.foundingId, firstObjectId: record.firstObjectId }
      return
    case 'brokerRegistered':
      cluster.brokers.set(record.brokerId, { brokerId: record.brokerId, brokerEpoch: record.brokerEpoch })
      return
    case 'topicCreated':
      addTopic(cluster, record)
      addStoredPartitions(storage, record.partitionIds)
      return
    case 'partitionsAdded':
      addPartitions(cluster, record)
      if (cluster.topicsById.has(record.topicId)) addStoredPartitions(storage, record.partitionIds)
      return
    case 'topicDeleted':
      dropStoredPartitions(storage, deleteTopic(cluster, record.topicId))
      return
    case 'topicConfigChanged':
    case 'configsChanged':
    case 'clientQuotasChanged':
      setConfigs(cluster, record)
      return
    case 'producerIdsAllocated':
      if (record.next > cluster.nextProducerId) cluster.nextProducerId = record.next
      return
    case 'partitionIdsAllocated':
      cluster.nextPartitionId = Math.max(cluster.nextPartitionId, record.next)
      return
    case 'recordsCounted':
      image.recordCount = record.records
      return
    case 'walMarked':
      markWal(storage, record)
      return
    case 'lanesChanged':
      changeLanes(storage, record)
      return
    case 'recordsLost':
      addLost(storage, record)
      return
    case 'logStartMoved':
      moveLogStart(storage, record)
      return
    case 'objectsPrepared':
      prepareObjects(storage, record)
      return
    case 'objectCommitted':
      commitObject(storage, record)
      return
    case 'objectsMarked':
      markObjects(storage, record.objectIds)
      return
    case 'objectsRemoved':
      removeObjects(storage, record.objectIds)
      return
    case 'partitionCleaned':
      setCleaned(storage, record)
      return
    default:
      unreachable(record)
  }
}

/** Records that describe the whole image: replayed into an empty one, they produce an equal image. A log may start with them. */
export function recordsOf({ cluster, storage, recordCount }: Image): MetadataRecord[] {
  const records: MetadataRecord[] = []
  if (cluster.clusterId !== null) records.push({ type: 'clusterFormatted', clusterId: cluster.clusterId })
  if (cluster.founding !== null) records.push({ type: 'nodeFounded', ...cluster.founding })
  for (const broker of cluster.brokers.values()) records.push({ type: 'brokerRegistered', ...broker })
  records.push(...walRecords(storage), ...topicRecords(cluster), ...partitionStorageRecords(storage))
  records.push({ type: 'producerIdsAllocated', next: cluster.nextProducerId })
  records.push({ type: 'partitionIdsAllocated', next: cluster.nextPartitionId })
  records.push(...configRecords(cluster), ...objectRecords(storage))
  // Last: its count covers all records above.
  records.push({ type: 'recordsCounted', records: recordCount })
  return records
}
