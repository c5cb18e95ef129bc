import { expect, test } from 'vitest'
import { type BrokerKind, startBroker } from '../support/broker.ts'
import { kafkaMissing } from '../support/kafka.ts'
import { converse } from './consumer-conversation.ts'

const limitMs = 300_000
const missing = kafkaMissing()
if (missing) console.warn(`skipped: Kafka's answers about consumer groups, ${missing}`)

async function conversation(kind: BrokerKind): Promise<string[]> {
  const settings = {
    'group.initial.rebalance.delay.ms': '0',
    'group.consumer.assignment.interval.ms': '0',
    'offsets.topic.num.partitions': '4',
    'auto.create.topics.enable': 'false',
  }
  const broker = await startBroker({ kind, settings })
  try {
    return await converse(broker.port)
  } finally {
    await broker.remove()
  }
}

test.runIf(missing === null)(
  'consumer groups answer as those of Kafka do, word for word, and leave the same records',
  async () => {
    expect(await conversation('millrace')).toEqual(await conversation('kafka'))
  },
  limitMs,
)
