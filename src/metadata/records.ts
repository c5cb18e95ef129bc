import { Packr } from 'msgpackr/pack'
import { assert } from '../base/assert.ts'
import { count, DamagedRecord, double, type Fields, list, long, orNull, struct, text, textMap, type Values } from './fields.ts'

interface RecordTable<F extends Fields> {
  /** Type id on disk: never reused. */
  readonly id: number
  readonly version: number
  readonly fields: F
}
const table = <const F extends Fields>(id: number, version: number, fields: F): RecordTable<F> => ({ id, version, fields })

/**
 * Records of the metadata log. The state of the cluster results from their replay in order; nothing else changes it.
 *
 * On disk a record is the msgpack list [id, version, field...]. A changed table gets a new version, and the old one is still read.
 */
export const recordTables = {
  clusterFormatted: table(1, 0, { clusterId: text }),
  topicCreated: table(2, 0, { name: text, topicId: text, replicationFactor: count, partitionIds: list(count), configs: textMap }),
  partitionsAdded: table(3, 0, { topicId: text, partitionIds: list(count) }),
  topicDeleted: table(4, 0, { topicId: text }),
  /** All configs of the topic, not the difference. */
  topicConfigChanged: table(5, 0, { topicId: text, configs: textMap }),
  logStartMoved: table(6, 0, { partitionId: count, offset: long }),
  /** Producer ids below `next` are allocated, or may be. */
  producerIdsAllocated: table(7, 0, { next: long }),
  /** Partition ids below `next` have been used, perhaps by deleted topics. Written by snapshots. */
  partitionIdsAllocated: table(8, 0, { next: count }),
  /** For each of its partitions, an object contains the records from `start` up to `end`. */
  objectCommitted: table(9, 1, {
    objectId: count,
    bytes: count,
    parts: list(struct({ partitionId: count, start: long, end: long, bytes: count, maxTimestamp: long })),
  }),
  /** Deleted from the store: marked objects, and prepared objects that were never committed. */
  objectsRemoved: table(10, 0, { objectIds: list(count) }),
  /** Objects with `count` numbers from `first` on may be in the store from now on. */
  objectsPrepared: table(11, 0, { first: count, count }),
  /** These objects are unreferenced; they must be deleted from the store. */
  objectsMarked: table(12, 0, { objectIds: list(count) }),
  /** Compacted by key up to `offset`; the partition's records in these objects are no longer read. */
  partitionCleaned: table(13, 0, { partitionId: count, offset: long, objectIds: list(count) }),
  /** The node of this log. Objects from `firstObjectId` on have the founding id in their keys; those below do not. */
  nodeFounded: table(32, 0, { nodeId: count, foundingId: text, firstObjectId: count }),
  /** The WAL with this secret was durable at least up to `durable`; everything below `stored` is in objects. Positions in bytes. */
  walMarked: table(33, 0, { secret: count, incarnation: count, stored: count, durable: count }),
  /** Acknowledged records from `start` on were lost, and an operator has accepted it. No record will ever have an offset below `end`. */
  recordsLost: table(34, 0, { partitionId: count, start: long, end: long }),
  /** The records before this one replace the first `records` records of this log. Written by snapshots. */
  recordsCounted: table(35, 0, { records: count }),
  /** All configs of a broker, a group or a client metrics subscription, by Kafka's number of the resource type; not the difference. */
  configsChanged: table(30, 0, { resourceType: count, resource: text, configs: textMap }),
  /** All quotas of an entity, whose parts are sorted by type. A null name is the default entity of its type. */
  clientQuotasChanged: table(31, 0, {
    entity: list(struct({ entityType: text, entityName: orNull(text) })),
    quotas: list(struct({ key: text, value: double })),
  }),
} as const

export type RecordType = keyof typeof recordTables
export type MetadataRecord = { [T in RecordType]: { readonly type: T } & Values<(typeof recordTables)[T]['fields']> }[RecordType]

const packr = new Packr({ useRecords: false, mapsAsObjects: false })
const layouts = Object.entries(recordTables).map(([type, { id, version, fields }]) => ({
  type,
  id,
  version,
  fields: struct(fields as Fields),
}))
const byType = new Map(layouts.map((layout) => [layout.type, layout]))
const byId = new Map(layouts.map((layout) => [layout.id, layout]))
assert(byId.size === layouts.length, 'each type of record has an id of its own')

export function encodeRecord(record: MetadataRecord): Uint8Array {
  const { id, version, fields } = byType.get(record.type)!
  return packr.pack([id, version, ...(fields.pack(record as never) as unknown[])])
}

/** Throws DamagedRecord for bytes that are no record, and for unsupported versions. */
export function decodeRecord(bytes: Uint8Array): MetadataRecord {
  const packed: unknown = unpacked(bytes)
  if (!Array.isArray(packed) || packed.length < 2) throw new DamagedRecord('expected a list that begins with an id and a version')
  const [id, version, ...values] = packed as unknown[]
  const layout = byId.get(id as number)
  if (layout === undefined) throw new DamagedRecord(`unknown metadata record id ${String(id)}`)
  if (version !== layout.version)
    throw new DamagedRecord(`version ${String(version)} of ${layout.type} is not supported: another release wrote it`)
  return { type: layout.type, ...layout.fields.unpack(values) } as unknown as MetadataRecord
}

function unpacked(bytes: Uint8Array): unknown {
  try {
    return packr.unpack(bytes)
  } catch (error) {
    throw new DamagedRecord(`not msgpack: ${(error as Error).message}`)
  }
}
