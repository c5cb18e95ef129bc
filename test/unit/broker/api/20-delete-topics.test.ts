import { expect, test } from 'vitest'
import { CreateTopicsRequest, CreateTopicsResponse } from '../../../../src/wire/api/19-create-topics.ts'
import { DeleteTopicsRequest, DeleteTopicsResponse } from '../../../../src/wire/api/20-delete-topics.ts'
import { CreatePartitionsRequest, CreatePartitionsResponse } from '../../../../src/wire/api/37-create-partitions.ts'
import { zeroUuid } from '../../../../src/wire/schema.ts'
import { settingsOf } from '../../controller/world.ts'
import { brokerWorld } from '../broker-world.ts'

const topic = (name: string) => ({ name, numPartitions: -1, replicationFactor: -1, assignments: [], configs: [] })

test('DeleteTopics: a topic is created, extended and deleted', async () => {
  const world = await brokerWorld()
  const created = await world.call(CreateTopicsRequest, CreateTopicsResponse, 7, { topics: [topic('a')] })
  expect(created.topics[0]).toMatchObject({ name: 'a', errorCode: 0, numPartitions: 4, replicationFactor: 1 })
  expect(created.topics[0]!.configs!.length).toBe(33)
  const grown = await world.call(CreatePartitionsRequest, CreatePartitionsResponse, 3, {
    topics: [{ name: 'a', count: 6, assignments: null }],
  })
  expect(grown.results).toEqual([{ name: 'a', errorCode: 0, errorMessage: null }])
  const { topicId } = created.topics[0]!
  const deleted = await world.call(DeleteTopicsRequest, DeleteTopicsResponse, 6, { topics: [{ name: null, topicId }] })
  expect(deleted.responses).toEqual([{ name: 'a', topicId, errorCode: 0, errorMessage: null }])
  expect(world.partitions.response).toEqual(['open 1,2,3,4', 'open 5,6', 'close 1,2,3,4,5,6'])
})

test('DeleteTopics: a topic that is created again has another id and other partition ids', async () => {
  const world = await brokerWorld()
  const create = () => world.call(CreateTopicsRequest, CreateTopicsResponse, 7, { topics: [topic('a')] })
  const first = await create()
  await world.call(DeleteTopicsRequest, DeleteTopicsResponse, 5, { topicNames: ['a'] })
  const second = await create()
  expect(second.topics[0]!.topicId).not.toBe(first.topics[0]!.topicId)
  expect(world.image.topics.get('a')!.partitionIds).toEqual([5, 6, 7, 8])
})

test('DeleteTopics: older versions are answered with their own errors', async () => {
  const world = await brokerWorld()
  const created = await world.call(CreateTopicsRequest, CreateTopicsResponse, 2, { topics: [topic('a'), topic('../b')] })
  expect(created.topics.map((row) => row.errorCode)).toEqual([0, 17])
  const deleted = await world.call(DeleteTopicsRequest, DeleteTopicsResponse, 1, { topicNames: ['a', 'none'] })
  expect(deleted.responses.map((row) => row.errorCode)).toEqual([0, 3])
})

test('DeleteTopics: deletion can be disabled', async () => {
  const world = await brokerWorld({ settings: settingsOf('delete.topic.enable=false') })
  const error = async (version: number, fields: Partial<DeleteTopicsRequest>) =>
    (await world.call(DeleteTopicsRequest, DeleteTopicsResponse, version, fields)).responses[0]!.errorCode
  expect(await error(6, { topics: [{ name: 'a', topicId: zeroUuid }] })).toBe(73)
  expect(await error(3, { topicNames: ['a'] })).toBe(73)
  expect(await error(2, { topicNames: ['a'] })).toBe(42)
})
