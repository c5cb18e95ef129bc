import { errors } from '../wire/errors.ts'
import { zeroUuid } from '../wire/schema.ts'
import type { Command, ResponseTo } from './commands.ts'

const error = errors.KAFKA_STORAGE_ERROR
const message = 'The disk of log.dirs is full.'

/**
 * Rejects commands that add to a metadata log on a full disk; undefined for commands that may continue. The remaining space of the log is
 * reserved for commands that free space, such as deletions and shorter retention, and for existing producers and groups.
 */
export function rejectedWhileFull(command: Command): ResponseTo<Command> | undefined {
  if (command.type === 'createTopics') {
    const row = { topicId: zeroUuid, error, message, partitions: -1, replicationFactor: -1, configs: [] }
    return command.topics.map(({ name }) => ({ name, ...row }))
  }
  if (command.type === 'createPartitions') return command.topics.map(({ name }) => ({ name, error, message }))
  return undefined
}
