import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Broker, startBroker } from '../support/broker.ts'
import { kafkaMissing } from '../support/kafka.ts'
import { long } from '../support/long.ts'
import { javaTool } from './java-client.ts'

const limitMs = 120_000
const missing = kafkaMissing()
if (missing) console.warn(`skipped: Kafka's Java tools, ${missing}`)

describe.runIf(missing === null)('Java tools: Java tools:', () => {
  let broker: Broker
  const tool = async (name: string, ...args: string[]): Promise<string> =>
    (await javaTool(name, ['--bootstrap-server', broker.address, ...args])).toString()

  beforeAll(async () => {
    broker = await startBroker()
  }, limitMs)

  afterAll(() => broker?.remove())

  test('TopicCommand creates, lists, grows and deletes a topic', long(limitMs), async () => {
    await tool(
      'TopicCommand',
      '--create',
      '--topic',
      'java',
      '--partitions',
      '2',
      '--replication-factor',
      '1',
      '--config',
      'max.message.bytes=2000000',
    )
    expect(await tool('TopicCommand', '--list')).toMatch(/^java$/m)
    await tool('TopicCommand', '--alter', '--topic', 'java', '--partitions', '3')
    expect((await tool('GetOffsetShell', '--topic', 'java')).trim().split('\n')).toEqual(['java:0:0', 'java:1:0', 'java:2:0'])
    await tool('TopicCommand', '--delete', '--topic', 'java')
    expect(await tool('TopicCommand', '--list')).not.toMatch(/^java$/m)
  })

  test('ProducerPerformance and GetOffsetShell agree on how much was written', long(limitMs), async () => {
    const load = [
      '--topic',
      'counted',
      '--num-records',
      '20000',
      '--record-size',
      '500',
      '--throughput',
      '-1',
      '--command-property',
      'acks=all',
    ]
    expect(await tool('ProducerPerformance', ...load)).toMatch(/20000 records sent/)
    expect((await tool('GetOffsetShell', '--topic', 'counted', '--time', '-1')).trim()).toBe('counted:0:20000')
    expect((await tool('GetOffsetShell', '--topic', 'counted', '--time', '-2')).trim()).toBe('counted:0:0')
  })

  test(
    'BrokerApiVersionsCommand finds every API that it supports',
    async () => {
      const text = await tool('BrokerApiVersionsCommand')
      expect(text).toContain('Produce(0): 0 to 13 [usable: 13]')
      expect(text).toContain('Fetch(1): 4 to 18 [usable: 18]')
    },
    limitMs,
  )
})
