import { expect, test } from 'vitest'
import { CreateTopicsRequest, CreateTopicsResponse } from '../../../../src/wire/api/19-create-topics.ts'
import { DescribeClusterRequest, DescribeClusterResponse } from '../../../../src/wire/api/60-describe-cluster.ts'
import { DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse } from '../../../../src/wire/api/75-describe-topic-partitions.ts'
import { type BrokerWorld, brokerWorld } from '../broker-world.ts'

async function worldWithTopics(): Promise<BrokerWorld> {
  const world = await brokerWorld()
  const topic = (name: string) => ({ name, numPartitions: 3, replicationFactor: 1, assignments: [], configs: [] })
  await world.call(CreateTopicsRequest, CreateTopicsResponse, 7, { topics: [topic('b'), topic('a'), topic('c')] })
  return world
}

async function describe(world: BrokerWorld, fields: Partial<DescribeTopicPartitionsRequest>): Promise<string> {
  const { topics, nextCursor } = await world.call(DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse, 0, fields)
  const rows = topics.map(({ name, errorCode, partitions }) =>
    errorCode === 0 ? `${name}:${partitions.map((partition) => partition.partitionIndex)}` : `${name} ${errorCode}`,
  )
  return `${rows.join(' ')}${nextCursor === null ? '' : ` > ${nextCursor.topicName}:${nextCursor.partitionIndex}`}`
}

test.each<[Partial<DescribeTopicPartitionsRequest>, string]>([
  [{}, 'a:0,1,2 b:0,1,2 c:0,1,2'],
  [{ responsePartitionLimit: 4 }, 'a:0,1,2 b:0 > b:1'],
  [{ responsePartitionLimit: 3 }, 'a:0,1,2 > b:0'],
  [{ responsePartitionLimit: 9 }, 'a:0,1,2 b:0,1,2 c:0,1,2'],
  [{ responsePartitionLimit: 0 }, 'a:0 > a:1'],
  [{ responsePartitionLimit: 3, cursor: { topicName: 'b', partitionIndex: 1 } }, 'b:1,2 c:0 > c:1'],
  [{ cursor: { topicName: 'bb', partitionIndex: 1 } }, 'c:0,1,2'],
  [{ topics: [{ name: 'c' }, { name: 'none' }, { name: 'a' }, { name: 'x/y' }] }, 'a:0,1,2 c:0,1,2 none 3 x/y 17'],
  [{ topics: [{ name: 'a' }, { name: 'b0' }], responsePartitionLimit: 3 }, 'a:0,1,2 > b0:0'],
  [{ topics: [{ name: 'a' }], cursor: { topicName: 'b', partitionIndex: 0 } }, 'a 42'],
  [{ topics: [{ name: 'a' }], cursor: { topicName: 'a', partitionIndex: -1 } }, 'a 42'],
  [{ topics: [{ name: 'a' }], cursor: { topicName: 'a', partitionIndex: 9 } }, 'a:'],
])('DescribeTopicPartitions: %o is answered with %s', async (fields, answer) => {
  expect(await describe(await worldWithTopics(), fields)).toBe(answer)
})

test('DescribeTopicPartitions: paging through all topics returns every partition once', async () => {
  const world = await worldWithTopics()
  const met: string[] = []
  let cursor: DescribeTopicPartitionsRequest['cursor'] = null
  do {
    const page: DescribeTopicPartitionsResponse = await world.call(DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse, 0, {
      responsePartitionLimit: 2,
      cursor,
    })
    met.push(...page.topics.flatMap(({ name, partitions }) => partitions.map((partition) => `${name}${partition.partitionIndex}`)))
    cursor = page.nextCursor
  } while (cursor !== null)
  expect(met).toEqual(['a0', 'a1', 'a2', 'b0', 'b1', 'b2', 'c0', 'c1', 'c2'])
})

test('DescribeTopicPartitions: the cluster is this node', async () => {
  const world = await brokerWorld()
  const call = (version: number, fields: Partial<DescribeClusterRequest>) =>
    world.call(DescribeClusterRequest, DescribeClusterResponse, version, fields)
  expect(await call(2, { includeClusterAuthorizedOperations: true })).toMatchObject({
    errorCode: 0,
    clusterId: 'AAAAAAAAAAAAAAAAAAAAAQ',
    controllerId: 1,
    brokers: [{ brokerId: 1, host: 'here', port: 9092, rack: null, isFenced: false }],
    clusterAuthorizedOperations: 8096,
  })
  expect([(await call(1, { endpointType: 2 })).errorCode, (await call(1, { endpointType: 3 })).errorCode]).toEqual([114, 115])
})
