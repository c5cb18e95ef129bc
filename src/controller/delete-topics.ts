import type { Image, TopicImage } from '../metadata/image.ts'
import { errors, type KafkaError } from '../wire/errors.ts'
import { zeroUuid } from '../wire/schema.ts'
import type { Refusal } from './create-topics.ts'
import type { DeletedTopic, Questions, TopicRef } from './messages.ts'
import { type Outcome, onceEach } from './outcome.ts'

/**
 * Deletes by name or by id, never by both. A topic that is named twice is not deleted, since the request is ambiguous; it has one row in
 * the response.
 */
export function deleteTopics(image: Image, { topics }: Questions['deleteTopics']['ask']): Outcome<readonly DeletedTopic[]> {
  const strange = topics.flatMap((topic): DeletedTopic[] => {
    const message = complaint(topic)
    return message === undefined ? [] : [{ ...topic, error: errors.INVALID_REQUEST, message }]
  })
  const understood = topics.filter((topic) => complaint(topic) === undefined)
  const asked = onceEach(understood, ({ name, topicId }) => `${topicId} ${name}`)
  const timesFound = new Map<TopicImage, number>()
  for (const { item, isRepeated } of asked) {
    const topic = find(image, item)
    if (topic !== undefined) timesFound.set(topic, (timesFound.get(topic) ?? 0) + (isRepeated ? 2 : 1))
  }
  const deleted: TopicImage[] = []
  const answer = asked.map(({ item, isRepeated }): DeletedTopic => {
    const topic = find(image, item)
    const refusal = refusalOf(item, topic, isRepeated || (topic !== undefined && timesFound.get(topic)! > 1))
    if (refusal !== undefined || topic === undefined) return { ...item, error: refusal![0], message: refusal![1] }
    deleted.push(topic)
    return { name: topic.name, topicId: topic.topicId, error: errors.NONE, message: null }
  })
  return { records: deleted.map(({ topicId }) => ({ type: 'topicDeleted', topicId })), answer: [...strange, ...answer] }
}

const find = (image: Image, { name, topicId }: TopicRef): TopicImage | undefined =>
  name === null ? image.topicsById.get(topicId) : image.topics.get(name)

function complaint({ name, topicId }: TopicRef): string | undefined {
  if (name !== null && topicId !== zeroUuid) return 'Topic name and id cannot both be given.'
  return name === null && topicId === zeroUuid ? 'Neither topic name nor id is given.' : undefined
}

function refusalOf({ name }: TopicRef, topic: TopicImage | undefined, isRepeated: boolean): Refusal | undefined {
  const explained = (error: KafkaError): Refusal => [error, error.message]
  if (isRepeated) return [errors.INVALID_REQUEST, 'The topic is named more than once.']
  return topic === undefined ? explained(name === null ? errors.UNKNOWN_TOPIC_ID : errors.UNKNOWN_TOPIC_OR_PARTITION) : undefined
}
