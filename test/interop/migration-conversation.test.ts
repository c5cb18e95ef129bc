import { answersOf } from './conversation.ts'
import { goldenConversation } from './golden.ts'
import { converse } from './migration-conversation.ts'

/**
 * Kafka 4.3.1 does not notify the classic members that are left in a consumer group of partitions that others had: these stay unread
 * until a member joins. Millrace notifies them.
 */
const isNotified = /^HeartbeatRequest v4 (with the old generation|is called): /

for (const policy of ['bidirectional', 'upgrade', 'downgrade', 'disabled']) {
  const settings = { 'group.consumer.assignment.interval.ms': '0', 'group.consumer.migration.policy': policy }
  goldenConversation(
    `group-migration-${policy}`,
    (kind) => answersOf(kind, settings, converse),
    (line) => policy !== 'upgrade' || !isNotified.test(line),
  )
}
