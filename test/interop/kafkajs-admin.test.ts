import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Broker, startBroker } from '../support/broker.ts'
import { kafkajs, kafkajsWriter } from './kafkajs-client.ts'

const limitMs = 60_000
let broker: Broker

beforeAll(async () => {
  broker = await startBroker({ settings: { 'num.partitions': '3' } })
}, limitMs)

afterAll(() => broker?.remove())

test(
  'kafkajs: creates, grows, lists, empties and deletes topics',
  async () => {
    const admin = kafkajs(broker.address).admin()
    await admin.connect()
    try {
      expect(await admin.createTopics({ topics: [{ topic: 'made', numPartitions: 2, replicationFactor: 1 }], waitForLeaders: true })).toBe(
        true,
      )
      expect(await admin.createTopics({ topics: [{ topic: 'made' }] })).toBe(false)
      await admin.createPartitions({ topicPartitions: [{ topic: 'made', count: 4 }] })
      const { topics } = await admin.fetchTopicMetadata({ topics: ['made'] })
      expect(topics[0]?.partitions.map((each) => each.partitionId).sort()).toEqual([0, 1, 2, 3])
      await kafkajsWriter(false).write(broker.address, 'made', 'none', [{ key: 'k', value: Buffer.from('v'), headers: [] }])
      expect((await admin.fetchTopicOffsets('made')).find((each) => each.partition === 0)).toMatchObject({
        offset: '1',
        low: '0',
        high: '1',
      })
      await admin.deleteTopicRecords({ topic: 'made', partitions: [{ partition: 0, offset: '1' }] })
      expect((await admin.fetchTopicOffsets('made')).find((each) => each.partition === 0)).toMatchObject({ low: '1', high: '1' })
      expect((await admin.describeCluster()).brokers).toHaveLength(1)
      await admin.deleteTopics({ topics: ['made'] })
      expect(await admin.listTopics()).not.toContain('made')
    } finally {
      await admin.disconnect()
    }
  },
  limitMs,
)

test(
  'kafkajs: a topic that it writes to before it exists is created with the default number of partitions',
  async () => {
    await kafkajsWriter(false).write(broker.address, 'made-by-writing', 'gzip', [{ key: null, value: Buffer.from('first'), headers: [] }])
    const admin = kafkajs(broker.address).admin()
    await admin.connect()
    try {
      expect(await admin.fetchTopicOffsets('made-by-writing')).toHaveLength(3)
    } finally {
      await admin.disconnect()
    }
  },
  limitMs,
)
