import { Packr } from 'msgpackr/pack'
import { assert } from '../base/assert.ts'
import { count, DamagedRecord, double, type Field, type Fields, list, long, orNull, struct, text, textMap, type Values } from './fields.ts'

/** An older version of a table: its fields, and how they become those of the next version. */
interface OlderVersion {
  readonly fields: Fields
  upgrade(values: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>>
}

interface RecordTable<F extends Fields> {
  /** Type id on disk: never reused. */
  readonly id: number
  /** The current version is the number of older ones. */
  readonly fields: F
  readonly older: readonly OlderVersion[]
}
const table = <const F extends Fields>(id: number, fields: F, older: readonly OlderVersion[] = []): RecordTable<F> => ({
  id,
  fields,
  older,
})

const noReplicas = (values: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> => ({ ...values, replicas: [] })

/** A part without size and timestamps: of unknown age, so retention by time keeps it. */
const withUnknownAge = ({ parts, ...values }: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> => ({
  ...values,
  parts: (parts as readonly object[]).map((part) => ({ ...part, bytes: 0, maxTimestamp: 2n ** 63n - 1n })),
})

/**
 * Records of the metadata log. The state of the cluster results from their replay in order; nothing else changes it.
 *
 * On disk a record is the msgpack list [id, version, field...]. Every version that a release has written is still read; the current one is
 * written.
 */
export const recordTables = {
  clusterFormatted: table(1, { clusterId: text }),
  /** `replicas`: the brokers of each partition, the preferred leader first. Empty: the only broker of an older release. */
  topicCreated: table(
    2,
    { name: text, topicId: text, replicationFactor: count, partitionIds: list(count), configs: textMap, replicas: list(list(count)) },
    [
      {
        fields: { name: text, topicId: text, replicationFactor: count, partitionIds: list(count), configs: textMap },
        upgrade: noReplicas,
      },
    ],
  ),
  partitionsAdded: table(3, { topicId: text, partitionIds: list(count), replicas: list(list(count)) }, [
    { fields: { topicId: text, partitionIds: list(count) }, upgrade: noReplicas },
  ]),
  topicDeleted: table(4, { topicId: text }),
  /** All configs of the topic, not the difference. */
  topicConfigChanged: table(5, { topicId: text, configs: textMap }),
  logStartMoved: table(6, { partitionId: count, offset: long }),
  /** Producer ids below `next` are allocated, or may be. */
  producerIdsAllocated: table(7, { next: long }),
  /** Partition ids below `next` have been used, perhaps by deleted topics. Written by snapshots. */
  partitionIdsAllocated: table(8, { next: count }),
  /** For each of its partitions, an object contains the records from `start` up to `end`. */
  objectCommitted: table(
    9,
    {
      objectId: count,
      bytes: count,
      parts: list(struct({ partitionId: count, start: long, end: long, bytes: count, maxTimestamp: long })),
    },
    [
      {
        fields: { objectId: count, bytes: count, parts: list(struct({ partitionId: count, start: long, end: long })) },
        upgrade: withUnknownAge,
      },
    ],
  ),
  /** Deleted from the store: marked objects, and prepared objects that were never committed. */
  objectsRemoved: table(10, { objectIds: list(count) }),
  /** Objects with `count` numbers from `first` on may be in the store from now on. */
  objectsPrepared: table(11, { first: count, count }),
  /** These objects are unreferenced; they must be deleted from the store. */
  objectsMarked: table(12, { objectIds: list(count) }),
  /** Compacted by key up to `offset`; the partition's records in these objects are no longer read. */
  partitionCleaned: table(13, { partitionId: count, offset: long, objectIds: list(count) }),
  /** A start of a broker. The epoch is the position of this record in the log, and increases with every start. */
  brokerRegistered: table(14, { brokerId: count, brokerEpoch: count }),
  /** The node of this log. Objects from `firstObjectId` on have the founding id in their keys; those below do not. */
  nodeFounded: table(32, { nodeId: count, foundingId: text, firstObjectId: count }),
  /** The WAL of a lane, with this secret, was durable at least up to `durable`; everything below `stored` is in objects. Positions in bytes. */
  walMarked: table(33, { secret: count, incarnation: count, stored: count, durable: count, lane: count }, [
    { fields: { secret: count, incarnation: count, stored: count, durable: count }, upgrade: (values) => ({ ...values, lane: 0 }) },
  ]),
  /** Acknowledged records from `start` on were lost, and an operator has accepted it. No record will ever have an offset below `end`. */
  recordsLost: table(34, { partitionId: count, start: long, end: long }),
  /** The records before this one replace the first `records` records of this log. Written by snapshots. */
  recordsCounted: table(35, { records: count }),
  /** The node has this number of lanes, each with a new WAL. All records in the WALs of incarnations up to `incarnation` are in objects. */
  lanesChanged: table(36, { lanes: count, incarnation: count }),
  /** All configs of a broker, a group or a client metrics subscription, by Kafka's number of the resource type; not the difference. */
  configsChanged: table(30, { resourceType: count, resource: text, configs: textMap }),
  /** All quotas of an entity, whose parts are sorted by type. A null name is the default entity of its type. */
  clientQuotasChanged: table(31, {
    entity: list(struct({ entityType: text, entityName: orNull(text) })),
    quotas: list(struct({ key: text, value: double })),
  }),
} as const

export type RecordType = keyof typeof recordTables
export type MetadataRecord = { [T in RecordType]: { readonly type: T } & Values<(typeof recordTables)[T]['fields']> }[RecordType]

const packr = new Packr({ useRecords: false, mapsAsObjects: false })

type Upgrade = OlderVersion['upgrade']

/** Reads one version of a table. */
interface Layout {
  readonly type: string
  readonly fields: Field<unknown>
  /** From this version to the current one. */
  readonly upgrades: readonly Upgrade[]
}

const layoutsById = new Map<number, readonly Layout[]>()
const layoutsByType = new Map<string, { readonly id: number; readonly version: number; readonly fields: Field<unknown> }>()
for (const [type, { id, fields, older }] of Object.entries(recordTables) as [string, RecordTable<Fields>][]) {
  const current = struct(fields) as Field<unknown>
  const upgrades = older.map(({ upgrade }) => upgrade)
  const former = older.map(
    (version, at): Layout => ({ type, fields: struct(version.fields) as Field<unknown>, upgrades: upgrades.slice(at) }),
  )
  assert(!layoutsById.has(id), 'each type of record has an id of its own')
  layoutsById.set(id, [...former, { type, fields: current, upgrades: [] }])
  layoutsByType.set(type, { id, version: older.length, fields: current })
}

export function encodeRecord(record: MetadataRecord): Uint8Array {
  const { id, version, fields } = layoutsByType.get(record.type)!
  return packr.pack([id, version, ...(fields.pack(record) as unknown[])])
}

/** Throws DamagedRecord for bytes that are no record, and for versions of later releases. */
export function decodeRecord(bytes: Uint8Array): MetadataRecord {
  const packed: unknown = unpacked(bytes)
  if (!Array.isArray(packed) || packed.length < 2) throw new DamagedRecord('expected a list that begins with an id and a version')
  const [id, version, ...values] = packed as unknown[]
  const versions = layoutsById.get(id as number)
  if (versions === undefined) throw new DamagedRecord(`unknown metadata record id ${String(id)}`)
  const layout = versions[version as number]
  if (layout === undefined)
    throw new DamagedRecord(`version ${String(version)} of ${versions[0]!.type} is not supported: a later release wrote it`)
  let read = layout.fields.unpack(values) as Readonly<Record<string, unknown>>
  for (const upgrade of layout.upgrades) read = upgrade(read)
  return { type: layout.type, ...read } as unknown as MetadataRecord
}

function unpacked(bytes: Uint8Array): unknown {
  try {
    return packr.unpack(bytes)
  } catch (error) {
    throw new DamagedRecord(`not msgpack: ${(error as Error).message}`)
  }
}
