import type { Image, TopicImage } from '../metadata/image.ts'
import { errors, type KafkaError } from '../wire/errors.ts'
import { zeroUuid } from '../wire/schema.ts'
import type { Refusal } from './create-topics.ts'
import type { DeletedTopic, Questions, TopicRef } from './messages.ts'
import { type Outcome, onceEach } from './outcome.ts'

/** Deletes by name or by id. What is asked for twice is not deleted, as its asker is confused; it is answered once. */
export function deleteTopics(image: Image, { topics }: Questions['deleteTopics']['ask']): Outcome<readonly DeletedTopic[]> {
  const asked = onceEach(topics, ({ name, topicId }) => `${topicId} ${name}`)
  const timesFound = new Map<TopicImage, number>()
  for (const { item, isRepeated } of asked) {
    const topic = find(image, item)
    if (topic !== undefined) timesFound.set(topic, (timesFound.get(topic) ?? 0) + (isRepeated ? 2 : 1))
  }
  const deleted: TopicImage[] = []
  const answer = asked.map(({ item }): DeletedTopic => {
    const topic = find(image, item)
    const refusal = refusalOf(item, topic, topic === undefined ? 0 : timesFound.get(topic)!)
    if (refusal !== undefined || topic === undefined) return { ...item, error: refusal![0], message: refusal![1] }
    deleted.push(topic)
    return { name: topic.name, topicId: topic.topicId, error: errors.NONE, message: null }
  })
  return { records: deleted.map(({ topicId }) => ({ type: 'topicDeleted', topicId })), answer }
}

const find = (image: Image, { name, topicId }: TopicRef): TopicImage | undefined =>
  name === null ? image.topicsById.get(topicId) : image.topics.get(name)

function refusalOf({ name, topicId }: TopicRef, topic: TopicImage | undefined, timesFound: number): Refusal | undefined {
  const explained = (error: KafkaError): Refusal => [error, error.message]
  if (name !== null && topicId !== zeroUuid) return [errors.INVALID_REQUEST, 'Topic name and id cannot both be given.']
  if (name === null && topicId === zeroUuid) return [errors.INVALID_REQUEST, 'Neither topic name nor id is given.']
  if (topic === undefined) return explained(name === null ? errors.UNKNOWN_TOPIC_ID : errors.UNKNOWN_TOPIC_OR_PARTITION)
  return timesFound > 1 ? [errors.INVALID_REQUEST, 'The topic is named more than once.'] : undefined
}
