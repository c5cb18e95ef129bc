import type { Image, TopicImage } from '../metadata/image.ts'
import { errors, type KafkaError } from '../wire/errors.ts'
import { zeroUuid } from '../wire/schema.ts'
import type { DeletedTopic, Questions, TopicRef } from './messages.ts'
import type { Outcome } from './outcome.ts'

/** Deletes by name or by id. What is asked for twice is not deleted, as its asker is confused. */
export function deleteTopics(image: Image, { topics }: Questions['deleteTopics']['ask']): Outcome<readonly DeletedTopic[]> {
  const found = topics.map((ref) => ({ ref, topic: find(image, ref) }))
  const count = new Map<string, number>()
  for (const { topic } of found) if (topic !== undefined) count.set(topic.topicId, (count.get(topic.topicId) ?? 0) + 1)
  const answer: DeletedTopic[] = []
  const deleted: TopicImage[] = []
  for (const { ref, topic } of found) {
    if (ref.name !== null && ref.topicId !== zeroUuid)
      answer.push(refused(ref, errors.INVALID_REQUEST, 'Topic name and id cannot both be given.'))
    else if (ref.name === null && ref.topicId === zeroUuid)
      answer.push(refused(ref, errors.INVALID_REQUEST, 'Neither topic name nor id is given.'))
    else if (topic === undefined) answer.push(refused(ref, ref.name === null ? errors.UNKNOWN_TOPIC_ID : errors.UNKNOWN_TOPIC_OR_PARTITION))
    else if (count.get(topic.topicId)! > 1) answer.push(refused(ref, errors.INVALID_REQUEST, 'The topic is named more than once.'))
    else {
      deleted.push(topic)
      answer.push({ name: topic.name, topicId: topic.topicId, error: errors.NONE, message: null })
    }
  }
  return { records: deleted.map(({ topicId }) => ({ type: 'topicDeleted', topicId })), answer }
}

const find = (image: Image, { name, topicId }: TopicRef): TopicImage | undefined =>
  name === null ? image.topicsById.get(topicId) : image.topics.get(name)

const refused = ({ name, topicId }: TopicRef, error: KafkaError, message = error.message): DeletedTopic => ({
  name,
  topicId,
  error,
  message,
})
