import { converse } from './consumer-conversation.ts'
import { answersOf } from './conversation.ts'
import { goldenConversation } from './golden.ts'

goldenConversation('consumer-groups', (kind) => answersOf(kind, { 'group.consumer.assignment.interval.ms': '0' }, converse))
