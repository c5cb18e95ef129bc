import { expect, test } from 'vitest'
import type { BrokerKind } from '../support/broker.ts'
import { kafkaMissing } from '../support/kafka.ts'
import { answersOf } from './conversation.ts'
import { converse } from './group-conversation.ts'

const limitMs = 120_000
const missing = kafkaMissing()
if (missing) console.warn(`skipped: Kafka's answers about groups, ${missing}`)

const conversation = (kind: BrokerKind): Promise<string[]> => answersOf(kind, {}, converse)

test.runIf(missing === null)(
  'groups answer as those of Kafka do, word for word, and leave the same records',
  async () => {
    expect(await conversation('millrace')).toEqual(await conversation('kafka'))
  },
  limitMs,
)
