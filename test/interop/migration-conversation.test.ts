import { expect, test } from 'vitest'
import type { BrokerKind } from '../support/broker.ts'
import { kafkaMissing } from '../support/kafka.ts'
import { longIf } from '../support/long.ts'
import { answersOf } from './conversation.ts'
import { converse } from './migration-conversation.ts'

const limitMs = 300_000
const missing = kafkaMissing()
if (missing) console.warn(`skipped: Kafka's answers about groups that change their protocol, ${missing}`)

const conversation = (kind: BrokerKind, policy: string): Promise<string[]> =>
  answersOf(kind, { 'group.consumer.assignment.interval.ms': '0', 'group.consumer.migration.policy': policy }, converse)

/**
 * Kafka 4.3.1 does not call classic members that are left in a consumer group to share what others had: nobody reads it until a member
 * joins. Here they are called.
 */
const calls = /^HeartbeatRequest v4 (with the old generation|is called): /
const comparable = (lines: readonly string[], policy: string): readonly string[] =>
  policy === 'upgrade' ? lines.filter((line) => !calls.test(line)) : lines

for (const policy of ['bidirectional', 'upgrade', 'downgrade', 'disabled']) {
  test.runIf(missing === null)(
    `groups: change their protocol as those of Kafka do, word for word, with migration policy ${policy}`,
    longIf(policy !== 'bidirectional', limitMs),
    async () => {
      const ours = comparable(await conversation('millrace', policy), policy)
      expect(ours).toEqual(comparable(await conversation('kafka', policy), policy))
    },
  )
}
