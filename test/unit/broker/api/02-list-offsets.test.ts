import { expect, test } from 'vitest'
import { ListOffsetsRequest, ListOffsetsResponse } from '../../../../src/wire/api/02-list-offsets.ts'
import { CreateTopicsRequest, CreateTopicsResponse } from '../../../../src/wire/api/19-create-topics.ts'
import { type BrokerWorld, brokerWorld } from '../broker-world.ts'

async function worldWithRecords(): Promise<BrokerWorld> {
  const world = await brokerWorld()
  const topic = { name: 't', numPartitions: 2, replicationFactor: 1, assignments: [], configs: [] }
  await world.call(CreateTopicsRequest, CreateTopicsResponse, 7, { topics: [topic] })
  world.partitions.fill(1, [10n, 50n, 20n, 50n])
  await world.controller.request({ type: 'moveLogStart', partitionId: 1, offset: 1n })
  return world
}

async function call(world: BrokerWorld, timestamp: bigint, { version = 11, partition = 0, epoch = -1, topic = 't' } = {}) {
  const asked = { partitionIndex: partition, currentLeaderEpoch: epoch, timestamp }
  const { topics } = await world.call(ListOffsetsRequest, ListOffsetsResponse, version, {
    replicaId: -1,
    topics: [{ name: topic, partitions: [asked] }],
  })
  const { errorCode, offset, timestamp: found, leaderEpoch } = topics[0]!.partitions[0]!
  return [errorCode, offset, found, leaderEpoch]
}

test.each([
  [-1n, [0, 4n, -1n, 0]],
  [-2n, [0, 1n, -1n, 0]],
  [-3n, [0, 1n, 50n, 0]],
  [-4n, [0, 1n, -1n, 0]],
  [-5n, [0, -1n, -1n, -1]],
  [-6n, [0, -1n, -1n, -1]],
  [-7n, [35, -1n, -1n, -1]],
  [0n, [0, 1n, 50n, 0]],
  [21n, [0, 1n, 50n, 0]],
  [51n, [0, -1n, -1n, -1]],
])('ListOffsets: timestamp %d is answered with error, offset, timestamp and epoch %o', async (timestamp, answer) => {
  expect(await call(await worldWithRecords(), timestamp)).toEqual(answer)
})

test.each([
  [-3n, 6],
  [-4n, 7],
  [-5n, 8],
  [-6n, 10],
])('ListOffsets: timestamp %d is not supported by version %d', async (timestamp, version) => {
  expect(await call(await worldWithRecords(), timestamp, { version })).toEqual([35, -1n, -1n, -1])
})

test('ListOffsets: a client with another leader epoch gets an error', async () => {
  const world = await worldWithRecords()
  expect((await call(world, -1n, { epoch: 1 }))[0]).toBe(75)
  expect((await call(world, -1n, { epoch: -2 }))[0]).toBe(74)
  expect((await call(world, -1n, { epoch: 0 }))[0]).toBe(0)
})

test.each([[{ partition: 2 }], [{ partition: -1 }], [{ partition: 2 ** 31 - 1 }], [{ topic: 'none' }], [{ topic: '../x' }]])(
  'ListOffsets: %o is unknown',
  async (where) => {
    expect(await call(await worldWithRecords(), -1n, where)).toEqual([3, -1n, -1n, -1])
  },
)

test('ListOffsets: an epoch is left out of versions without the field', async () => {
  expect(await call(await worldWithRecords(), -1n, { version: 3 })).toEqual([0, 4n, -1n, -1])
})

test('ListOffsets: a partition that is requested twice is answered once, with an error', async () => {
  const world = await worldWithRecords()
  const part = { partitionIndex: 0, currentLeaderEpoch: -1, timestamp: -1n }
  const { topics } = await world.call(ListOffsetsRequest, ListOffsetsResponse, 11, { topics: [{ name: 't', partitions: [part, part] }] })
  expect(topics[0]!.partitions.map(({ errorCode }) => errorCode)).toEqual([42])
})
