import type { DeletedTopic, TopicRef } from '../../controller/commands.ts'
import { DeleteTopicsRequest, DeleteTopicsResponse } from '../../wire/api/20-delete-topics.ts'
import { errors } from '../../wire/errors.ts'
import { zeroUuid } from '../../wire/schema.ts'
import { handler } from '../handler.ts'

/** First version with topics by id. */
const byIdVersion = 6
/** First version in which clients support TOPIC_DELETION_DISABLED. */
const disabledVersion = 3

export const deleteTopics = handler({
  request: DeleteTopicsRequest,
  response: DeleteTopicsResponse,
  versions: [1, 6],
  async handle({ topics, topicNames }, { version, settings, controller }) {
    const refs: readonly TopicRef[] = version >= byIdVersion ? topics : topicNames.map((name) => ({ name, topicId: zeroUuid }))
    const deleted = settings['delete.topic.enable']
      ? await controller.request({ type: 'deleteTopics', topics: refs })
      : refs.map((ref) => disabled(ref, version))
    return {
      throttleTimeMs: 0,
      responses: deleted.map(({ name, topicId, error, message }) => ({ name, topicId, errorCode: error.code, errorMessage: message })),
    }
  },
})

function disabled({ name, topicId }: TopicRef, version: number): DeletedTopic {
  const error = version < disabledVersion ? errors.INVALID_REQUEST : errors.TOPIC_DELETION_DISABLED
  return { name, topicId, error, message: errors.TOPIC_DELETION_DISABLED.message }
}
