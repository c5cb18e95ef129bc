import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Broker, startBroker } from '../support/broker.ts'
import { kafkaMissing } from '../support/kafka.ts'
import { long } from '../support/long.ts'
import { javaTool } from './java-client.ts'

const limitMs = 180_000
const missing = kafkaMissing()
if (missing) console.warn(`skipped: groups of Kafka's Java tools, ${missing}`)

describe.runIf(missing === null)('Java tools: groups', () => {
  let broker: Broker
  const tool = async (name: string, ...args: string[]): Promise<string> =>
    (await javaTool(name, ['--bootstrap-server', broker.address, ...args])).toString()
  const groups = (...args: string[]): Promise<string> => tool('consumer.group.ConsumerGroupCommand', ...args)

  beforeAll(async () => {
    broker = await startBroker({ settings: { 'num.partitions': '2', 'group.initial.rebalance.delay.ms': '0' } })
  }, limitMs)

  afterAll(() => broker?.remove())

  test(
    'ConsumerPerformance reads what ProducerPerformance wrote, and its offsets are listed, moved and deleted',
    long(limitMs),
    async () => {
      const load = ['--topic', 'perf', '--num-records', '20000', '--record-size', '100', '--throughput', '-1']
      expect(await tool('ProducerPerformance', ...load, '--command-property', 'acks=all')).toMatch(/20000 records sent/)
      const reading = ['--topic', 'perf', '--num-records', '20000', '--timeout', '20000', '--group', 'perf']
      expect(await tool('ConsumerPerformance', ...reading, '--command-property', 'group.protocol=classic')).toMatch(/, 20000, /)
      expect(await groups('--list')).toMatch(/^perf$/m)
      const described = await groups('--describe', '--group', 'perf')
      const ends = [...described.matchAll(/^perf +perf +\d +(\d+) +(\d+) +0 /gm)].map(([, at, end]) => [Number(at), Number(end)])
      expect(ends.map(([at]) => at).reduce((sum, at) => sum! + at!, 0)).toBe(20_000)
      expect(ends.every(([at, end]) => at === end)).toBe(true)
      const moved = await groups('--group', 'perf', '--reset-offsets', '--to-earliest', '--topic', 'perf', '--execute')
      expect([...moved.matchAll(/^perf +perf +\d +0$/gm)]).toHaveLength(2)
      expect(await groups('--group', 'perf', '--delete-offsets', '--topic', 'perf:0')).toMatch(/perf +0 +Successful/)
      expect(await groups('--group', 'perf', '--delete')).toMatch(/successful/)
      expect(await groups('--list')).not.toMatch(/^perf$/m)
    },
  )

  test('ConsoleConsumer shows what the offsets topic holds with the formatter for it', long(limitMs), async () => {
    const reading = ['--topic', 'perf', '--from-beginning', '--group', 'shown', '--max-messages', '10']
    await tool('consumer.ConsoleConsumer', ...reading)
    const formatter = ['--formatter', 'org.apache.kafka.tools.consumer.OffsetsMessageFormatter']
    const all = ['--topic', '__consumer_offsets', '--from-beginning', '--max-messages', '12']
    expect(await tool('consumer.ConsoleConsumer', ...all, ...formatter)).toMatch(/"group":"(perf|shown)","topic":"perf"/)
  })
})
