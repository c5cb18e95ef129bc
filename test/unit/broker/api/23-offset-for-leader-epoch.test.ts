import { expect, test } from 'vitest'
import { CreateTopicsRequest, CreateTopicsResponse } from '../../../../src/wire/api/19-create-topics.ts'
import { OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse } from '../../../../src/wire/api/23-offset-for-leader-epoch.ts'
import { type BrokerWorld, brokerWorld } from '../broker-world.ts'

/** Five records, of which the first two are deleted, and a partition that never had any. */
async function worldWithRecords(): Promise<BrokerWorld> {
  const world = await brokerWorld()
  const topic = { name: 't', numPartitions: 2, replicationFactor: 1, assignments: [], configs: [] }
  await world.call(CreateTopicsRequest, CreateTopicsResponse, 7, { topics: [topic] })
  world.partitions.fill(1, [1n, 2n, 3n, 4n, 5n])
  await world.controller.request({ type: 'moveLogStart', partitionId: 1, offset: 2n })
  return world
}

interface LaneRequest {
  readonly version?: number
  readonly topic?: string
  readonly partition?: number
  readonly currentLeaderEpoch?: number
  readonly leaderEpoch?: number
}

async function call(world: BrokerWorld, { version = 4, topic = 't', ...part }: LaneRequest) {
  const asked = { partition: 0, currentLeaderEpoch: -1, leaderEpoch: 0, ...part }
  const { topics } = await world.call(OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse, version, {
    topics: [{ topic, partitions: [asked] }],
  })
  const { partition, errorCode, leaderEpoch, endOffset } = topics[0]!.partitions[0]!
  expect([topics[0]!.topic, partition]).toEqual([topic, asked.partition])
  return [errorCode, leaderEpoch, endOffset]
}

test.each([2, 3, 4])(
  'OffsetForLeaderEpoch: version %i returns the end of the current epoch, also after records are deleted',
  async (version) => {
    expect(await call(await worldWithRecords(), { version })).toEqual([0, 0, 5n])
  },
)

test('OffsetForLeaderEpoch: the epoch of a partition without records ends where it began', async () => {
  expect(await call(await worldWithRecords(), { partition: 1 })).toEqual([0, 0, 0n])
})

test.each([
  ['in the future is unknown', 1, [0, -1, -1n]],
  ['that is negative is unknown', -1, [0, -1, -1n]],
  ['before the first ended where the log starts', -5, [0, -5, 2n]],
])('OffsetForLeaderEpoch: an epoch %s', async (_, leaderEpoch, answer) => {
  expect(await call(await worldWithRecords(), { leaderEpoch })).toEqual(answer)
})

test.each([
  ['at the same epoch is answered', 0, [0, 0, 5n]],
  ['ahead of the leader gets an error', 1, [75, -1, -1n]],
  ['behind it is fenced', -2, [74, -1, -1n]],
])('OffsetForLeaderEpoch: a client %s', async (_, currentLeaderEpoch, answer) => {
  expect(await call(await worldWithRecords(), { currentLeaderEpoch })).toEqual(answer)
})

test.each<[LaneRequest]>([
  [{ topic: 'none' }],
  [{ topic: '../x' }],
  [{ partition: 2 }],
  [{ partition: -1 }],
  [{ topic: 'none', currentLeaderEpoch: 7 }],
])('OffsetForLeaderEpoch: %o is unknown', async (asked) => {
  expect(await call(await worldWithRecords(), asked)).toEqual([3, -1, -1n])
})

test('OffsetForLeaderEpoch: a deleted topic is unknown', async () => {
  const world = await worldWithRecords()
  await world.controller.request({ type: 'deleteTopics', topics: [{ name: 't', topicId: 'AAAAAAAAAAAAAAAAAAAAAA' }] })
  expect(await call(world, {})).toEqual([3, -1, -1n])
})
