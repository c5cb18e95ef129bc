import { expect, test } from 'vitest'
import { CreateTopicsRequest, CreateTopicsResponse } from '../../../../src/wire/api/19-create-topics.ts'
import { DeleteRecordsRequest, DeleteRecordsResponse } from '../../../../src/wire/api/21-delete-records.ts'
import { MemoryLog } from '../../controller/world.ts'
import { type BrokerWorld, brokerWorld } from '../broker-world.ts'

async function worldWithRecords(log = new MemoryLog()): Promise<BrokerWorld> {
  const world = await brokerWorld({ log })
  const topic = (name: string, policy: string) => ({
    name,
    numPartitions: 1,
    replicationFactor: 1,
    assignments: [],
    configs: [{ name: 'cleanup.policy', value: policy }],
  })
  const topics = [
    topic('t', 'delete'),
    topic('compacted', 'compact'),
    topic('both', 'compact,delete'),
    topic('__consumer_offsets', 'delete'),
  ]
  await world.call(CreateTopicsRequest, CreateTopicsResponse, 7, { topics })
  for (const partitionId of [1, 2, 3, 4]) world.partitions.fill(partitionId, [1n, 2n, 3n, 4n, 5n])
  return world
}

async function call(world: BrokerWorld, name: string, offset: bigint, partitionIndex = 0) {
  const { topics } = await world.call(DeleteRecordsRequest, DeleteRecordsResponse, 2, {
    topics: [{ name, partitions: [{ partitionIndex, offset }] }],
  })
  const { errorCode, lowWatermark } = topics[0]!.partitions[0]!
  return [errorCode, lowWatermark]
}

test('DeleteRecords: the log starts at the requested offset, and never before', async () => {
  const world = await worldWithRecords()
  expect(await call(world, 't', 3n)).toEqual([0, 3n])
  expect(await call(world, 't', 3n)).toEqual([0, 3n])
  expect(await call(world, 't', 1n)).toEqual([0, 3n])
  expect(await call(world, 't', -1n)).toEqual([0, 5n])
  expect(await call(world, 'both', 2n)).toEqual([0, 2n])
  expect(world.partitions.response.slice(-3)).toEqual(['trim 1 3', 'trim 1 5', 'trim 3 2'])
})

test('DeleteRecords: a log start is durable before it is answered', async () => {
  const log = new MemoryLog()
  await call(await worldWithRecords(log), 't', 3n)
  expect((await brokerWorld({ log })).metadata.storage.partitions.get(1)!.logStartOffset).toBe(3n)
})

test.each<[string, bigint, number, number]>([
  ['t', 6n, 0, 1],
  ['t', -2n, 0, 1],
  ['t', 0n, 1, 3],
  ['none', 0n, 0, 3],
  ['compacted', 1n, 0, 44],
  ['__consumer_offsets', 1n, 0, 17],
])('DeleteRecords: in %s to offset %d of partition %d is answered with error %d', async (name, offset, partition, error) => {
  expect(await call(await worldWithRecords(), name, offset, partition)).toEqual([error, -1n])
})

test('DeleteRecords: a partition that is named twice is answered once, by its last offset, and a topic without partitions is not', async () => {
  const world = await worldWithRecords()
  const at = (offset: bigint) => ({ partitionIndex: 0, offset })
  const asked = [
    { name: 't', partitions: [at(1n)] },
    { name: 'both', partitions: [] },
    { name: 't', partitions: [at(9n), at(2n)] },
  ]
  const { topics } = await world.call(DeleteRecordsRequest, DeleteRecordsResponse, 2, { topics: asked })
  expect(topics).toEqual([{ name: 't', partitions: [{ partitionIndex: 0, lowWatermark: 2n, errorCode: 0 }] }])
})
