import { answersOf } from './conversation.ts'
import { goldenConversation } from './golden.ts'
import { converse } from './group-conversation.ts'

goldenConversation('classic-groups', (kind) => answersOf(kind, {}, converse))
