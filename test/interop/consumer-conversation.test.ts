import { expect, test } from 'vitest'
import type { BrokerKind } from '../support/broker.ts'
import { kafkaMissing } from '../support/kafka.ts'
import { converse } from './consumer-conversation.ts'
import { answersOf } from './conversation.ts'

const limitMs = 300_000
const missing = kafkaMissing()
if (missing) console.warn(`skipped: Kafka's answers about consumer groups, ${missing}`)

const conversation = (kind: BrokerKind): Promise<string[]> => answersOf(kind, { 'group.consumer.assignment.interval.ms': '0' }, converse)

test.runIf(missing === null)(
  'consumer groups answer as those of Kafka do, word for word, and leave the same records',
  async () => {
    expect(await conversation('millrace')).toEqual(await conversation('kafka'))
  },
  limitMs,
)
