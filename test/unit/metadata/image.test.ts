import { Packr } from 'msgpackr/pack'
import { expect, test } from 'vitest'
import { below, chance, type Prng, prng } from '../../../src/base/prng.ts'
import { DamagedRecord } from '../../../src/metadata/fields.ts'
import { copyImage, emptyImage, type MutableImage, recordsOf, replay } from '../../../src/metadata/image.ts'
import { decodeRecord, encodeRecord, type MetadataRecord } from '../../../src/metadata/records.ts'

const created = (name: string, partitionIds: number[]): MetadataRecord => ({
  type: 'topicCreated',
  name,
  topicId: `id-of-${name}`,
  replicationFactor: 1,
  partitionIds,
  configs: new Map([['retention.ms', '-1']]),
  replicas: partitionIds.map(() => [1]),
})

const every: MetadataRecord[] = [
  { type: 'clusterFormatted', clusterId: 'AAAAAAAAAAAAAAAAAAAAAQ' },
  { type: 'nodeFounded', nodeId: 1, foundingId: 'AAAAAAAAAAAAAAAAAAAAAg', firstObjectId: 5 },
  { type: 'lanesChanged', lanes: 5, incarnation: 0 },
  { type: 'lanesChanged', lanes: 3, incarnation: 2 },
  { type: 'walMarked', lane: 2, secret: 2 ** 32 - 1, incarnation: 3, stored: 2 ** 40, durable: 2 ** 41 },
  { type: 'brokerRegistered', brokerId: 1, brokerEpoch: 3 },
  created('a', [1, 2]),
  created('b', [3]),
  { type: 'partitionsAdded', topicId: 'id-of-a', partitionIds: [4], replicas: [[2, 1]] },
  { type: 'topicConfigChanged', topicId: 'id-of-b', configs: new Map() },
  { type: 'logStartMoved', partitionId: 4, offset: 2n ** 40n },
  { type: 'producerIdsAllocated', next: 1000n },
  { type: 'objectCommitted', objectId: 2 ** 40, bytes: 12, parts: [{ partitionId: 1, start: 0n, end: 5n, bytes: 100, maxTimestamp: 7n }] },
  { type: 'partitionCleaned', partitionId: 2, offset: 2n ** 41n, objectIds: [5] },
  { type: 'recordsLost', partitionId: 1, start: 5n, end: 2n ** 40n },
  { type: 'topicDeleted', topicId: 'id-of-b' },
  { type: 'partitionIdsAllocated', next: 9 },
  { type: 'objectsRemoved', objectIds: [7] },
  { type: 'configsChanged', resourceType: 32, resource: 'g', configs: new Map([['consumer.session.timeout.ms', '50000']]) },
  {
    type: 'clientQuotasChanged',
    entity: [
      { entityType: 'client-id', entityName: null },
      { entityType: 'user', entityName: 'alice' },
    ],
    quotas: [{ key: 'producer_byte_rate', value: 1.5 }],
  },
]

const imageOf = (records: readonly MetadataRecord[]): MutableImage => {
  const image = emptyImage(1)
  for (const record of records) replay(image, record)
  return image
}

test('metadata records: a record reads back as it was written', () => {
  for (const record of every) expect(decodeRecord(encodeRecord(record))).toEqual(record)
})

test('metadata records: bytes that are no record, and later versions, are rejected', () => {
  for (const bytes of [[], [0xc1], [0x01], [0x92, 99, 0], [0x93, 1, 0, 5], [0x93, 1, 7, 0xa1, 0x61], [0x92, 1, 0]]) {
    expect(() => decodeRecord(Uint8Array.from(bytes)), String(bytes)).toThrow(DamagedRecord)
  }
})

test('metadata image: it contains the effects of its records', () => {
  const image = imageOf(every)
  expect(image.cluster.topics.get('a')).toMatchObject({ topicId: 'id-of-a', partitionIds: [1, 2, 4] })
  expect([...image.cluster.topics.keys()]).toEqual(['a'])
  expect(image.cluster.partitions.get(4)).toEqual({
    partitionId: 4,
    topicId: 'id-of-a',
    index: 2,
    replicas: [2, 1],
    leader: 2,
    leaderEpoch: 0,
    partitionEpoch: 0,
  })
  expect(image.storage.partitions.get(4)?.logStartOffset).toBe(2n ** 40n)
  expect(image.cluster.brokers).toEqual(new Map([[1, { brokerId: 1, brokerEpoch: 3 }]]))
  expect(image.cluster.partitions.has(3)).toBe(false)
  expect([image.cluster.nextPartitionId, image.cluster.nextProducerId, image.cluster.clusterId, image.storage.objects.size]).toEqual([
    9,
    1000n,
    'AAAAAAAAAAAAAAAAAAAAAQ',
    1,
  ])
})

test('metadata image: removed configs and quotas leave nothing', () => {
  const image = imageOf(every)
  expect([image.cluster.configs.size, image.cluster.clientQuotas.size]).toEqual([1, 1])
  replay(image, { type: 'configsChanged', resourceType: 32, resource: 'g', configs: new Map() })
  for (const { entity } of [...image.cluster.clientQuotas.values()]) replay(image, { type: 'clientQuotasChanged', entity, quotas: [] })
  expect([image.cluster.configs.size, image.cluster.clientQuotas.size]).toEqual([0, 0])
})

test('metadata image: log starts only increase, and records about deleted partitions have no effect', () => {
  const image = imageOf(every)
  replay(image, { type: 'logStartMoved', partitionId: 4, offset: 5n })
  replay(image, { type: 'logStartMoved', partitionId: 3, offset: 5n })
  replay(image, { type: 'partitionsAdded', topicId: 'id-of-b', partitionIds: [20], replicas: [[1]] })
  replay(image, { type: 'topicConfigChanged', topicId: 'id-of-b', configs: new Map() })
  replay(image, { type: 'recordsLost', partitionId: 3, start: 5n, end: 9n })
  expect(image).toEqual({ ...imageOf(every), recordCount: every.length + 5 })
})

test('metadata image: a compacted partition leaves its former objects to their other partitions, and its end only increases', () => {
  const image = imageOf([created('a', [1, 2])])
  const part = (partitionId: number) => ({ partitionId, start: 0n, end: 5n, bytes: 100, maxTimestamp: 7n })
  replay(image, { type: 'objectCommitted', objectId: 4, bytes: 300, parts: [part(1), part(2)] })
  replay(image, { type: 'partitionCleaned', partitionId: 2, offset: 5n, objectIds: [4] })
  replay(image, { type: 'partitionCleaned', partitionId: 2, offset: 3n, objectIds: [9] })
  expect(image.storage.objects.get(4)!.parts).toEqual([part(1)])
  expect([1, 2].map((id) => image.storage.partitions.get(id)!.cleanedOffset)).toEqual([0n, 5n])
})

test('metadata image: its records produce an equal image, after any history', () => {
  for (let seed = 0; seed < 300; seed++) {
    const image = randomImage(seed)
    expect(imageOf(recordsOf(image)), `seed ${seed}`).toEqual(image)
  }
})

test('metadata image: a copy equals the original, and changes alone', () => {
  for (let seed = 0; seed < 50; seed++) {
    const image = randomImage(seed)
    const copy = copyImage(image)
    expect(copy, `seed ${seed}`).toEqual(image)
    change(copy, prng(seed + 1), 30)
    expect(image, `seed ${seed}`).toEqual(randomImage(seed))
  }
})

/** An object is live exactly where a reader may still need it: compared with a search over everything. */
test('metadata image: live parts and unreferenced objects equal a search of all objects, after any history', () => {
  for (let seed = 0; seed < 300; seed++) {
    const { storage } = randomImage(seed)
    const label = `seed ${seed}`
    const unreferenced = [...storage.objects.values()].filter(({ parts }) => parts.length === 0).map(({ objectId }) => objectId)
    expect([...storage.unreferenced].sort(), label).toEqual(unreferenced.sort())
    expect(storage.objectBytes, label).toBe([...storage.objects.values()].reduce((sum, { bytes }) => sum + bytes, 0))
    for (const { parts } of storage.objects.values()) {
      for (const { partitionId, end } of parts) expect(storage.partitions.get(partitionId)!.logStartOffset < end, label).toBe(true)
    }
    for (const [partitionId, { parts }] of storage.partitions) {
      const found = [...storage.objects.values()].flatMap((object) =>
        object.parts
          .filter((each) => each.partitionId === partitionId)
          .map(({ start, end }) => ({ objectId: object.objectId, start, end })),
      )
      const byStart = (a: { start: bigint; objectId: number }, b: { start: bigint; objectId: number }): number =>
        Number(a.start - b.start) || a.objectId - b.objectId
      expect([...parts].sort(byStart), label).toEqual(found.sort(byStart))
    }
  }
})

function randomImage(seed: number): MutableImage {
  const image = emptyImage(1)
  change(image, prng(seed), 60)
  return image
}

function change(image: MutableImage, random: Prng, steps: number): void {
  for (let step = 0; step < steps; step++) replay(image, randomRecord(image, random, step))
}

function randomRecord({ cluster, storage }: MutableImage, random: Prng, step: number): MetadataRecord {
  const names = [...cluster.topics.keys()]
  const name = names[below(random, names.length + 1)]
  const next = cluster.nextPartitionId
  const partitionIds = Array.from({ length: 1 + below(random, 3) }, (_, index) => next + index)
  const replicas = partitionIds.map(() => [1])
  if (chance(random, 300)) return objectRecord(storage, random, next)
  if (name === undefined) return created(`t${next}`, partitionIds)
  if (chance(random, 150)) return { type: 'topicDeleted', topicId: `id-of-${name}` }
  if (chance(random, 300)) return { type: 'partitionsAdded', topicId: `id-of-${name}`, partitionIds, replicas }
  if (chance(random, 300)) {
    const objectIds = [...storage.objects.keys()].filter(() => chance(random, 300))
    return { type: 'partitionCleaned', partitionId: below(random, next), offset: BigInt(step), objectIds }
  }
  return { type: 'logStartMoved', partitionId: below(random, next), offset: BigInt(below(random, 100)) }
}

function objectRecord(storage: MutableImage['storage'], random: Prng, next: number): MetadataRecord {
  const some = (of: Iterable<number>): number[] => [...of].filter(() => chance(random, 400))
  switch (below(random, 5)) {
    case 0:
      return { type: 'objectsPrepared', first: storage.nextObjectId, count: 1 + below(random, 3) }
    case 1:
      return { type: 'objectsMarked', objectIds: some(storage.objects.keys()) }
    case 2:
      return { type: 'objectsRemoved', objectIds: some([...storage.markedObjects, ...storage.preparedObjects]) }
    default: {
      const ids = [...new Set(Array.from({ length: below(random, 4) }, () => below(random, next)))]
      const parts = ids.map((partitionId) => {
        const start = BigInt(below(random, 90))
        return { partitionId, start, end: start + BigInt(1 + below(random, 20)), bytes: 10, maxTimestamp: 7n }
      })
      return { type: 'objectCommitted', objectId: storage.nextObjectId, bytes: 1 + below(random, 100), parts }
    }
  }
}

test('metadata image: the mark of a log only grows, and another start of it begins anew', () => {
  const image = emptyImage(1)
  const mark = (incarnation: number, stored: number, durable: number): void =>
    replay(image, { type: 'walMarked', lane: 1, secret: 7, incarnation, stored, durable })
  mark(1, 10, 30)
  mark(1, 20, 20)
  expect(image.storage.wals.get(1)).toEqual({ lane: 1, secret: 7, incarnation: 1, stored: 20, durable: 30 })
  mark(2, 5, 6)
  expect(image.storage.wals.get(1)).toEqual({ lane: 1, secret: 7, incarnation: 2, stored: 5, durable: 6 })
})

test('metadata image: a changed number of lanes removes the marks of the former logs, and a snapshot remembers the largest number', () => {
  const image = emptyImage(1)
  const mark = (lane: number, incarnation: number): void =>
    replay(image, { type: 'walMarked', lane, secret: 7, incarnation, stored: 0, durable: 10 })
  const change = (lanes: number, incarnation: number): void => replay(image, { type: 'lanesChanged', lanes, incarnation })
  change(4, 0)
  for (const lane of [0, 1, 2, 3]) mark(lane, 1)
  expect([image.storage.lanes, image.storage.wals.size]).toEqual([4, 4])
  change(2, 1)
  // The last mark of a node that has stopped after the change.
  mark(0, 1)
  expect([image.storage.lanes, image.storage.lanesMax, image.storage.wals.size]).toEqual([2, 4, 0])
  mark(1, 2)
  expect([...image.storage.wals.keys()]).toEqual([1])
  expect(imageOf(recordsOf(image))).toEqual(image)
})

test('metadata image: losses with no record between them are one, and go with their topic', () => {
  const image = imageOf([created('a', [1])])
  const lose = (start: bigint, end: bigint): void => replay(image, { type: 'recordsLost', partitionId: 1, start, end })
  lose(5n, 10n)
  lose(10n, 20n)
  lose(25n, 30n)
  expect(image.storage.partitions.get(1)!.lost).toEqual([
    { start: 5, end: 20 },
    { start: 25, end: 30 },
  ])
  expect(imageOf(recordsOf(image))).toEqual(image)
  replay(image, { type: 'topicDeleted', topicId: 'id-of-a' })
  expect(image.storage.partitions.size).toBe(0)
})

test('metadata records: every version that a release has written is still read', () => {
  const packr = new Packr({ useRecords: false, mapsAsObjects: false })
  const read = (...packed: unknown[]): MetadataRecord => decodeRecord(packr.pack(packed))
  expect(read(2, 0, 'a', 'id-of-a', 1, [1, 2], ['retention.ms', '-1'])).toEqual({ ...created('a', [1, 2]), replicas: [] })
  expect(read(3, 0, 'id-of-a', [4])).toEqual({ type: 'partitionsAdded', topicId: 'id-of-a', partitionIds: [4], replicas: [] })
  const parts = [{ partitionId: 1, start: 0n, end: 5n, bytes: 0, maxTimestamp: 2n ** 63n - 1n }]
  expect(read(9, 0, 4, 100, [[1, 0n, 5n]])).toEqual({ type: 'objectCommitted', objectId: 4, bytes: 100, parts })
  const mark = { secret: 5, incarnation: 3, stored: 10, durable: 20 }
  expect(read(33, 0, 5, 3, 10, 20)).toEqual({ type: 'walMarked', ...mark, lane: 0 })
  const image = emptyImage(7)
  replay(image, read(2, 0, 'a', 'id-of-a', 1, [1, 2], []))
  expect(image.cluster.partitions.get(2)).toMatchObject({ replicas: [7], leader: 7 })
})
