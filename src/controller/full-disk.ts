import { errors } from '../wire/errors.ts'
import { zeroUuid } from '../wire/schema.ts'
import type { AnswerTo, Command } from './messages.ts'

const error = errors.KAFKA_STORAGE_ERROR
const message = 'The disk of log.dirs is full.'

/**
 * Answers for commands that add to a metadata log for which the disk has no room; undefined for those that go on. What is left of the log
 * is for what frees space, deletions and shorter retention among it, and for producers and groups that exist.
 */
export function refusedWhileFull(command: Command): AnswerTo<Command> | undefined {
  if (command.type === 'createTopics') {
    const row = { topicId: zeroUuid, error, message, partitions: -1, replicationFactor: -1, configs: [] }
    return command.topics.map(({ name }) => ({ name, ...row }))
  }
  if (command.type === 'createPartitions') return command.topics.map(({ name }) => ({ name, error, message }))
  return undefined
}
