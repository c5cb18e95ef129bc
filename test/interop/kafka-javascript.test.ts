import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTopic } from '../support/admin.ts'
import { type Broker, startBroker } from '../support/broker.ts'
import { connected } from '../support/connection.ts'
import { type JavascriptConsumer, javascriptKafka, kafkaJavascriptMissing } from './kafka-javascript-client.ts'

const limitMs = 120_000
const waitMs = 45_000
const missing = kafkaJavascriptMissing()
if (missing) console.warn(`skipped: kafka-javascript, ${missing}`)

async function until(what: string, isSo: () => boolean): Promise<void> {
  for (const end = performance.now() + waitMs; !isSo(); await pause(20)) {
    if (performance.now() > end) throw new Error(`not in ${waitMs} ms: ${what}`)
  }
}

describe.runIf(missing === null)('kafka javascript: kafka-javascript:', () => {
  let broker: Broker
  beforeAll(async () => {
    broker = await startBroker({ settings: { 'group.initial.rebalance.delay.ms': '0' } })
  }, limitMs)
  afterAll(() => broker?.remove())

  /** What a member of a group has read, as partition:offset. */
  class Member {
    readonly read: string[] = []
    readonly consumer: JavascriptConsumer

    constructor(group: string) {
      const settings = { 'group.id': group, 'auto.offset.reset': 'earliest', 'enable.auto.commit': false, 'session.timeout.ms': 6000 }
      this.consumer = javascriptKafka(broker.address).consumer(settings)
    }

    async join(topic: string): Promise<this> {
      await this.consumer.connect()
      await this.consumer.subscribe({ topics: [topic] })
      await this.consumer.run({
        eachMessage: async ({ partition, message }) => void this.read.push(`${partition}:${message.offset}`),
      })
      return this
    }
  }

  async function fill(topic: string, partitions: number, count: number): Promise<void> {
    const producer = javascriptKafka(broker.address).producer({ acks: -1 })
    await producer.connect()
    const messages = Array.from({ length: count }, (_, i) => ({ key: `k${i}`, value: `v${i}`, partition: i % partitions }))
    await producer.send({ topic, messages })
    await producer.disconnect()
  }

  const places = (partitions: number, from: number, to: number): string[] =>
    Array.from({ length: (to - from) * partitions }, (_, i) => `${i % partitions}:${from + Math.floor(i / partitions)}`).sort()

  test(
    'a group shares the partitions, hands them over, and continues from the committed offsets',
    async () => {
      await connected(broker.port, (connection) => createTopic(connection, 'shared', 4))
      await fill('shared', 4, 400)
      const [first, second] = [new Member('sharing'), new Member('sharing')]
      await first.join('shared')
      await until('one member reads all', () => first.read.length === 400)
      expect([...first.read].sort()).toEqual(places(4, 0, 100))
      await first.consumer.commitOffsets()
      await second.join('shared')
      await until('two share', () => first.consumer.assignment().length === 2 && second.consumer.assignment().length === 2)
      await fill('shared', 4, 40)
      await until('both read', () => first.read.length + second.read.length === 440)
      expect(second.read).toHaveLength(20)
      await first.consumer.disconnect()
      await until('one has all again', () => second.consumer.assignment().length === 4)
      await second.consumer.commitOffsets()
      await second.consumer.disconnect()
      await fill('shared', 4, 4)
      const third = await new Member('sharing').join('shared')
      await until('what was not committed is read', () => places(4, 110, 111).every((place) => third.read.includes(place)))
      // What the first had read and not committed comes once more, and nothing from before its last commit.
      expect(third.read.every((place) => Number(place.split(':')[1]) >= 100)).toBe(true)
      await third.consumer.disconnect()
    },
    limitMs,
  )

  test(
    'a consumer seeks, pauses and resumes',
    async () => {
      await connected(broker.port, (connection) => createTopic(connection, 'sought', 1))
      await fill('sought', 1, 50)
      const member = await new Member('seeking').join('sought')
      await until('all is read', () => member.read.length === 50)
      member.consumer.seek({ topic: 'sought', partition: 0, offset: '40' })
      await until('the end is read again', () => member.read.length === 60)
      expect(member.read.slice(50)).toEqual(places(1, 40, 50))
      member.consumer.pause([{ topic: 'sought' }])
      await fill('sought', 1, 5)
      const other = await new Member('not-paused').join('sought')
      await until('another reads what was written', () => other.read.length === 55)
      expect(member.read).toHaveLength(60)
      member.consumer.resume([{ topic: 'sought' }])
      await until('it continues', () => member.read.length === 65)
      await other.consumer.disconnect()
      await member.consumer.disconnect()
    },
    limitMs,
  )

  test(
    'its admin creates, lists, describes and deletes topics, records and groups',
    async () => {
      const admin = javascriptKafka(broker.address).admin()
      await admin.connect()
      expect(await admin.createTopics({ topics: [{ topic: 'made', numPartitions: 3 }] })).toBe(true)
      expect(await admin.listTopics()).toContain('made')
      await fill('made', 3, 30)
      await admin.deleteTopicRecords({ topic: 'made', partitions: [{ partition: 1, offset: '4' }] })
      const offsets = await admin.fetchTopicOffsets('made')
      expect(offsets.map(({ partition, low, high }) => `${partition}:${low}-${high}`).sort()).toEqual(['0:0-10', '1:4-10', '2:0-10'])
      const member = await new Member('administered').join('made')
      await until('a group reads', () => member.read.length === 26)
      expect((await admin.describeGroups(['administered'])).groups[0]!.members).toHaveLength(1)
      await member.consumer.commitOffsets()
      await member.consumer.disconnect()
      expect((await admin.listGroups()).groups.map(({ groupId }) => groupId)).toContain('administered')
      expect(await admin.deleteGroups(['administered'])).toMatchObject([{ groupId: 'administered' }])
      expect((await admin.listGroups()).groups.map(({ groupId }) => groupId)).not.toContain('administered')
      await admin.deleteTopics({ topics: ['made'] })
      expect(await admin.listTopics()).not.toContain('made')
      await admin.disconnect()
    },
    limitMs,
  )
})
