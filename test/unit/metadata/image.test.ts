import { expect, test } from 'vitest'
import { below, chance, prng } from '../../../src/base/prng.ts'
import { DamagedRecord } from '../../../src/metadata/fields.ts'
import { emptyImage, type MutableImage, recordsOf, replay } from '../../../src/metadata/image.ts'
import { decodeRecord, encodeRecord, type MetadataRecord } from '../../../src/metadata/records.ts'

const created = (name: string, partitionIds: number[]): MetadataRecord => ({
  type: 'topicCreated',
  name,
  topicId: `id-of-${name}`,
  replicationFactor: 1,
  partitionIds,
  configs: new Map([['retention.ms', '-1']]),
})

const every: MetadataRecord[] = [
  { type: 'clusterFormatted', clusterId: 'AAAAAAAAAAAAAAAAAAAAAQ' },
  { type: 'nodeFounded', nodeId: 1, foundingId: 'AAAAAAAAAAAAAAAAAAAAAg', firstObjectId: 5 },
  { type: 'walMarked', secret: 2 ** 32 - 1, incarnation: 3, stored: 2 ** 40, durable: 2 ** 41 },
  created('a', [1, 2]),
  created('b', [3]),
  { type: 'partitionsAdded', topicId: 'id-of-a', partitionIds: [4] },
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
  const image = emptyImage()
  for (const record of records) replay(image, record)
  return image
}

test('a record reads back as it was written', () => {
  for (const record of every) expect(decodeRecord(encodeRecord(record))).toEqual(record)
})

test('what is no record is refused, and so is a version of the future', () => {
  for (const bytes of [[], [0xc1], [0x01], [0x92, 99, 0], [0x93, 1, 0, 5], [0x93, 1, 7, 0xa1, 0x61], [0x92, 1, 0]]) {
    expect(() => decodeRecord(Uint8Array.from(bytes)), String(bytes)).toThrow(DamagedRecord)
  }
})

test('an image is what its records say', () => {
  const image = imageOf(every)
  expect(image.topics.get('a')).toMatchObject({ topicId: 'id-of-a', partitionIds: [1, 2, 4] })
  expect([...image.topics.keys()]).toEqual(['a'])
  expect(image.partitions.get(4)).toEqual({ partitionId: 4, topicId: 'id-of-a', partition: 2, leaderEpoch: 0, logStartOffset: 2n ** 40n })
  expect(image.partitions.has(3)).toBe(false)
  expect([image.nextPartitionId, image.nextProducerId, image.clusterId, image.objects.size]).toEqual([
    9,
    1000n,
    'AAAAAAAAAAAAAAAAAAAAAQ',
    1,
  ])
})

test('configs and quotas that are taken back leave nothing', () => {
  const image = imageOf(every)
  expect([image.configs.size, image.clientQuotas.size]).toEqual([1, 1])
  replay(image, { type: 'configsChanged', resourceType: 32, resource: 'g', configs: new Map() })
  for (const { entity } of [...image.clientQuotas.values()]) replay(image, { type: 'clientQuotasChanged', entity, quotas: [] })
  expect([image.configs.size, image.clientQuotas.size]).toEqual([0, 0])
})

test('a log start never goes back, and facts about what is gone change nothing', () => {
  const image = imageOf(every)
  replay(image, { type: 'logStartMoved', partitionId: 4, offset: 5n })
  replay(image, { type: 'logStartMoved', partitionId: 3, offset: 5n })
  replay(image, { type: 'partitionsAdded', topicId: 'id-of-b', partitionIds: [20] })
  replay(image, { type: 'topicConfigChanged', topicId: 'id-of-b', configs: new Map() })
  replay(image, { type: 'recordsLost', partitionId: 3, start: 5n, end: 9n })
  expect(image).toEqual({ ...imageOf(every), recordCount: every.length + 5 })
})

test('a partition that is compacted by key leaves the objects it was in to the others, and is not compacted backwards', () => {
  const image = imageOf([created('a', [1, 2])])
  const part = (partitionId: number) => ({ partitionId, start: 0n, end: 5n, bytes: 100, maxTimestamp: 7n })
  replay(image, { type: 'objectCommitted', objectId: 4, bytes: 300, parts: [part(1), part(2)] })
  replay(image, { type: 'partitionCleaned', partitionId: 2, offset: 5n, objectIds: [4] })
  replay(image, { type: 'partitionCleaned', partitionId: 2, offset: 3n, objectIds: [9] })
  expect(image.objects.get(4)!.parts).toEqual([part(1)])
  expect(image.cleaned).toEqual(new Map([[2, 5n]]))
})

test('the records of an image give its equal, whatever was done before', () => {
  for (let seed = 0; seed < 200; seed++) {
    const image = randomImage(seed)
    expect(imageOf(recordsOf(image)), `seed ${seed}`).toEqual(image)
  }
})

function randomImage(seed: number): MutableImage {
  const random = prng(seed)
  const image = emptyImage()
  for (let step = 0; step < 30; step++) {
    const names = [...image.topics.keys()]
    const name = names[below(random, names.length + 1)]
    const next = image.nextPartitionId
    const partitionIds = Array.from({ length: 1 + below(random, 3) }, (_, index) => next + index)
    if (name === undefined) replay(image, created(`t${step}`, partitionIds))
    else if (below(random, 4) === 0) replay(image, { type: 'topicDeleted', topicId: `id-of-${name}` })
    else if (below(random, 2) === 0) replay(image, { type: 'partitionsAdded', topicId: `id-of-${name}`, partitionIds })
    else if (chance(random, 300))
      replay(image, { type: 'partitionCleaned', partitionId: below(random, next), offset: BigInt(step), objectIds: [] })
    else replay(image, { type: 'logStartMoved', partitionId: below(random, next), offset: BigInt(below(random, 100)) })
  }
  return image
}

test('metadata image: the mark of a log only grows, and another start of it begins anew', () => {
  const image = emptyImage()
  const mark = (incarnation: number, stored: number, durable: number): void =>
    replay(image, { type: 'walMarked', secret: 7, incarnation, stored, durable })
  mark(1, 10, 30)
  mark(1, 20, 20)
  expect(image.wal).toEqual({ secret: 7, incarnation: 1, stored: 20, durable: 30 })
  mark(2, 5, 6)
  expect(image.wal).toEqual({ secret: 7, incarnation: 2, stored: 5, durable: 6 })
})

test('metadata image: losses with no record between them are one, and go with their topic', () => {
  const image = imageOf([created('a', [1])])
  const lose = (start: bigint, end: bigint): void => replay(image, { type: 'recordsLost', partitionId: 1, start, end })
  lose(5n, 10n)
  lose(10n, 20n)
  lose(25n, 30n)
  expect(image.lost.get(1)).toEqual([
    { start: 5, end: 20 },
    { start: 25, end: 30 },
  ])
  expect(imageOf(recordsOf(image))).toEqual(image)
  replay(image, { type: 'topicDeleted', topicId: 'id-of-a' })
  expect(image.lost.size).toBe(0)
})
