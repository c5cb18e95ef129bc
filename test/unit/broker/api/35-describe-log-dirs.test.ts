import { expect, test } from 'vitest'
import { CreateTopicsRequest, CreateTopicsResponse } from '../../../../src/wire/api/19-create-topics.ts'
import { AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse } from '../../../../src/wire/api/34-alter-replica-log-dirs.ts'
import { DescribeLogDirsRequest, DescribeLogDirsResponse } from '../../../../src/wire/api/35-describe-log-dirs.ts'
import { DescribeProducersRequest, DescribeProducersResponse } from '../../../../src/wire/api/61-describe-producers.ts'
import { type BrokerWorld, brokerWorld } from '../broker-world.ts'

async function worldWithTopic(): Promise<BrokerWorld> {
  const world = await brokerWorld()
  const topics = [{ name: 't', numPartitions: 2, replicationFactor: 1, assignments: [], configs: [] }]
  await world.call(CreateTopicsRequest, CreateTopicsResponse, 5, { topics })
  const [, second] = world.image.topics.get('t')!.partitionIds
  world.partitions.fill(second!, [1n, 2n, 3n])
  return world
}

test('DescribeLogDirs: the folder shows partitions with their sizes, and the room of its volume', async () => {
  const world = await worldWithTopic()
  const { results } = await world.call(DescribeLogDirsRequest, DescribeLogDirsResponse, 4, { topics: null })
  const [folder] = results
  expect(folder).toMatchObject({ errorCode: 0, logDir: '/data', totalBytes: 1000n, usableBytes: 400n })
  expect(folder!.topics.map(({ name, partitions }) => [name, partitions.map((each) => each.partitionSize)])).toEqual([['t', [0n, 300n]]])
})

test('DescribeLogDirs: a topic or partition that does not exist is left out', async () => {
  const world = await worldWithTopic()
  const topics = [
    { topic: 't', partitions: [1, 7, -1] },
    { topic: 'nope', partitions: [0] },
  ]
  const { results } = await world.call(DescribeLogDirsRequest, DescribeLogDirsResponse, 4, { topics })
  expect(results[0]!.topics.map(({ name, partitions }) => [name, partitions.map((each) => each.partitionIndex)])).toEqual([['t', [1]]])
})

test('DescribeLogDirs: a replica may stay in its directory, and cannot move', async () => {
  const world = await worldWithTopic()
  const topics = [{ name: 't', partitions: [0, 7] }]
  const dirs = [
    { path: '/data', topics },
    { path: '/elsewhere', topics },
  ]
  const { results } = await world.call(AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse, 2, { dirs })
  expect(results.map(({ partitions }) => partitions.map((each) => each.errorCode))).toEqual([
    [0, 3],
    [57, 57],
  ])
})

test('DescribeLogDirs: a partition returns the producers of which it has state', async () => {
  const world = await worldWithTopic()
  const [first] = world.image.topics.get('t')!.partitionIds
  world.partitions.active.set(first!, [{ producerId: 9n, epoch: 2, lastSequence: 41, lastTimestamp: 77n }])
  const topics = [
    { name: 't', partitionIndexes: [0, 1, 7] },
    { name: 'a b', partitionIndexes: [0] },
  ]
  const answer = await world.call(DescribeProducersRequest, DescribeProducersResponse, 0, { topics })
  expect(answer.topics.map(({ partitions }) => partitions.map((each) => each.errorCode))).toEqual([[0, 0, 3], [17]])
  expect(answer.topics[0]!.partitions[0]!.activeProducers).toEqual([
    { producerId: 9n, producerEpoch: 2, lastSequence: 41, lastTimestamp: 77n, coordinatorEpoch: -1, currentTxnStartOffset: -1n },
  ])
})
