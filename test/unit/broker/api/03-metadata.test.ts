import { expect, test } from 'vitest'
import { MetadataRequest, type MetadataResponse, MetadataResponse as Response } from '../../../../src/wire/api/03-metadata.ts'
import { zeroUuid } from '../../../../src/wire/schema.ts'
import { settingsOf } from '../../controller/world.ts'
import { type BrokerWorld, brokerWorld } from '../broker-world.ts'

const named = (...names: string[]) => names.map((name) => ({ name, topicId: zeroUuid }))
const call = (world: BrokerWorld, version: number, fields: Partial<MetadataRequest>, listener?: string): Promise<MetadataResponse> =>
  world.call(MetadataRequest, Response, version, fields, listener)
const rows = ({ topics }: MetadataResponse): string[] =>
  topics.map(({ name, errorCode, partitions }) => `${name} ${errorCode} ${partitions.length}`)

test('Metadata: a request for a topic creates it, and the response contains it', async () => {
  const world = await brokerWorld()
  const answer = await call(world, 12, { topics: named('a', 'b', 'a') })
  expect(rows(answer)).toEqual(['a 0 4', 'b 0 4'])
  expect(answer.topics[0]!.partitions[3]).toEqual({
    errorCode: 0,
    partitionIndex: 3,
    leaderId: 1,
    leaderEpoch: 0,
    replicaNodes: [1],
    isrNodes: [1],
    offlineReplicas: [],
  })
  expect([world.log.appends, world.reported]).toEqual([2, []])
})

test('Metadata: a request for a topic that is being created waits for that creation', async () => {
  const world = await brokerWorld()
  const answers = await Promise.all(Array.from({ length: 20 }, () => call(world, 4, { topics: named('a', 'b') })))
  expect(new Set(answers.map((answer) => rows(answer).join()))).toEqual(new Set(['a 0 4,b 0 4']))
  // The registration of the broker, and the creation.
  expect(world.log.appends).toBe(2)
})

test('Metadata: a topic is not created when the client or the node disables it, or when it is invalid', async () => {
  const world = await brokerWorld()
  expect(rows(await call(world, 4, { topics: named('a'), allowAutoTopicCreation: false }))).toEqual(['a 3 0'])
  const bad = named('', '..', 'a/b', 'x'.repeat(250), '__consumer_offsets')
  expect((await call(world, 4, { topics: bad })).topics.map((topic) => topic.errorCode)).toEqual([17, 17, 17, 17, 3])
  await call(world, 4, { topics: named('c.d') })
  expect(rows(await call(world, 4, { topics: named('c_d') }))).toEqual(['c_d 17 0'])
  const closed = await brokerWorld({ settings: settingsOf('auto.create.topics.enable=false') })
  expect(rows(await call(closed, 1, { topics: named('a') }))).toEqual(['a 3 0'])
})

test('Metadata: no topics and all topics have different encodings, which changed in version 1', async () => {
  const world = await brokerWorld()
  await call(world, 4, { topics: named('a', 'b') })
  expect(rows(await call(world, 0, { topics: [] }))).toEqual(['a 0 4', 'b 0 4'])
  expect(rows(await call(world, 1, { topics: [] }))).toEqual([])
  for (const version of [1, 9, 13]) expect(rows(await call(world, version, { topics: null }))).toEqual(['a 0 4', 'b 0 4'])
})

test('Metadata: topics can be requested by id from version 12 on', async () => {
  const world = await brokerWorld()
  await call(world, 4, { topics: named('a') })
  const { topicId } = world.image.topics.get('a')!
  const byId = [{ name: null, topicId }]
  expect(rows(await call(world, 12, { topics: byId }))).toEqual(['a 0 4'])
  const unknown = await call(world, 12, { topics: [{ name: null, topicId: 'AAAAAAAAAAAAAAAAAAAAEA' }] })
  expect(unknown.topics[0]).toMatchObject({ errorCode: 100, name: null, topicId: 'AAAAAAAAAAAAAAAAAAAAEA' })
  expect((await call(world, 10, { topics: byId })).topics[0]!.errorCode).toBe(42)
  expect(await call(world, 13, { topics: [{ name: null, topicId: zeroUuid }] })).toMatchObject({ errorCode: 42, brokers: [] })
  const mixed = { topics: [...byId, { name: null, topicId: zeroUuid }, ...named('none')] }
  expect(rows(await call(world, 13, mixed))).toEqual(rows(await call(world, 13, { topics: byId })))
})

test('Metadata: a client receives the address of the listener that it uses', async () => {
  const world = await brokerWorld({ settings: settingsOf('broker.rack=r1') })
  const broker = async (listener: string) => (await call(world, 9, { topics: [] }, listener)).brokers[0]
  expect(await broker('PLAINTEXT')).toEqual({ nodeId: 1, host: 'here', port: 9092, rack: 'r1' })
  expect(await broker('OUTSIDE')).toEqual({ nodeId: 1, host: 'there', port: 9999, rack: 'r1' })
})

test('Metadata: authorized operations are returned on request', async () => {
  const world = await brokerWorld()
  const both = { includeClusterAuthorizedOperations: true, includeTopicAuthorizedOperations: true }
  const asked = await call(world, 8, { topics: named('a'), ...both })
  expect([asked.clusterAuthorizedOperations, asked.topics[0]!.topicAuthorizedOperations]).toEqual([8096, 3576])
  const unasked = await call(world, 8, { topics: named('a') })
  expect([unasked.clusterAuthorizedOperations, unasked.topics[0]!.topicAuthorizedOperations]).toEqual([-(2 ** 31), -(2 ** 31)])
})

test('Metadata: a topic whose partitions are not open yet has no leaders', async () => {
  const world = await brokerWorld()
  let release: () => void = () => {}
  world.partitions.opening = new Promise((resolve) => {
    release = resolve
  })
  const created = call(world, 9, { topics: named('a') })
  await new Promise(setImmediate)
  const [topic] = (await call(world, 9, { topics: null })).topics
  expect([topic!.errorCode, topic!.partitions[0]!.errorCode, topic!.partitions[0]!.leaderId]).toEqual([0, 5, -1])
  release()
  expect((await created).topics[0]!.partitions[0]!.errorCode).toBe(0)
})
