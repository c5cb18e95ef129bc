import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTopic } from '../support/admin.ts'
import { type Broker, startBroker } from '../support/broker.ts'
import { connected } from '../support/connection.ts'
import { kafkaMissing } from '../support/kafka.ts'
import { long } from '../support/long.ts'
import { javaTool } from './java-client.ts'

const limitMs = 180_000
const missing = kafkaMissing()
if (missing) console.warn(`skipped: Kafka's Java tools that check a broker, ${missing}`)

interface Event {
  readonly name: string
  readonly value?: string
  readonly count?: number
  readonly partitions?: readonly {
    readonly topic: string
    readonly partition: number
    readonly minOffset: number
    readonly maxOffset: number
  }[]
}

describe.runIf(missing === null)('Java tools: verification of a broker', () => {
  let broker: Broker
  const tool = async (name: string, line: string): Promise<string> =>
    (await javaTool(name, ['--bootstrap-server', broker.address, ...line.split(' ')])).toString()
  const events = async (name: string, line: string): Promise<Event[]> =>
    (await tool(name, line))
      .split('\n')
      .filter((each) => each.startsWith('{'))
      .map((each) => JSON.parse(each) as Event)

  beforeAll(async () => {
    broker = await startBroker({ settings: { 'group.initial.rebalance.delay.ms': '0', 'log.cleaner.backoff.ms': '500' } })
    await connected(broker.port, (connection) => createTopic(connection, 'verify', 2))
  }, limitMs)

  afterAll(() => broker?.remove())

  test(
    'VerifiableConsumer reads once what VerifiableProducer was acknowledged, in a group of either protocol',
    async () => {
      const written = await events('VerifiableProducer', '--topic verify --max-messages 1000 --throughput -1 --acks -1')
      const acknowledged = written.filter(({ name }) => name === 'producer_send_success').map(({ value }) => Number(value))
      expect(acknowledged.sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i))
      for (const group of ['v1', 'v2 --group-protocol CONSUMER --group-remote-assignor uniform']) {
        const read = await events('VerifiableConsumer', `--topic verify --max-messages 1000 --group-id ${group}`)
        const consumed = read.filter(({ name }) => name === 'records_consumed')
        expect(consumed.reduce((sum, { count }) => sum + count!, 0)).toBe(1000)
        const next = [0, 0]
        for (const { partition, minOffset, maxOffset } of consumed.flatMap(({ partitions }) => partitions!)) {
          expect(minOffset).toBe(next[partition])
          next[partition] = maxOffset + 1
        }
        expect(next[0]! + next[1]!).toBe(1000)
        expect(read.filter(({ name }) => name === 'offsets_committed').length).toBeGreaterThan(0)
      }
    },
    limitMs,
  )

  test('EndToEndLatency measures every record', long(limitMs), async () => {
    expect(await tool('EndToEndLatency', '--topic latency --num-records 500 --producer-acks all --record-size 100')).toMatch(
      /Percentiles: 50th = \d+, 99th = \d+, 99\.9th = \d+/,
    )
  })

  test('LogCompactionTester finds no mismatch', long(limitMs), async () => {
    const checked = await tool('LogCompactionTester', '--messages 20000 --topics 1 --duplicates 5 --percent-deletes 10 --sleep 20')
    expect(checked).toMatch(/\b0 mismatches/)
  })

  test(
    'ClientCompatibilityTest finds the expected features',
    async () => {
      const reported = [
        '--offsets-for-times-supported True --cluster-id-supported True --expect-record-too-large-exception False',
        '--num-cluster-nodes 1 --create-topics-supported True --describe-acls-supported False --describe-configs-supported True',
        '--idempotent-producer-supported True',
      ]
      expect(await tool('ClientCompatibilityTest', `--topic compat ${reported.join(' ')}`)).toContain('SUCCESS.')
    },
    limitMs,
  )

  test(
    'GroupsCommand lists groups',
    async () => {
      const listed = await tool('GroupsCommand', '--list')
      expect(listed).toMatch(/^v1 +Classic +consumer/m)
      expect(listed).toMatch(/^v2 +Consumer +consumer/m)
    },
    limitMs,
  )
})
