import type { ClusterImage, TopicImage } from '../metadata/cluster-image.ts'
import { errors, type KafkaError } from '../wire/errors.ts'
import { zeroUuid } from '../wire/schema.ts'
import type { Commands, DeletedTopic, TopicRef } from './commands.ts'
import type { ValidationError } from './create-topics.ts'
import { type Outcome, onceEach } from './outcome.ts'

/**
 * Deletes by name or by id, never by both. A topic that is named twice is not deleted, since the request is ambiguous; it has one row in
 * the response.
 */
export function deleteTopics(image: ClusterImage, { topics }: Commands['deleteTopics']['request']): Outcome<readonly DeletedTopic[]> {
  const strange = topics.flatMap((topic): DeletedTopic[] => {
    const message = validationError(topic)
    return message === undefined ? [] : [{ ...topic, error: errors.INVALID_REQUEST, message }]
  })
  const understood = topics.filter((topic) => validationError(topic) === undefined)
  const requested = onceEach(understood, ({ name, topicId }) => `${topicId} ${name}`)
  const timesFound = new Map<TopicImage, number>()
  for (const { item, isRepeated } of requested) {
    const topic = find(image, item)
    if (topic !== undefined) timesFound.set(topic, (timesFound.get(topic) ?? 0) + (isRepeated ? 2 : 1))
  }
  const deleted: TopicImage[] = []
  const response = requested.map(({ item, isRepeated }): DeletedTopic => {
    const topic = find(image, item)
    const error = validate(item, topic, isRepeated || (topic !== undefined && timesFound.get(topic)! > 1))
    if (error !== undefined || topic === undefined) return { ...item, error: error![0], message: error![1] }
    deleted.push(topic)
    return { name: topic.name, topicId: topic.topicId, error: errors.NONE, message: null }
  })
  return { records: deleted.map(({ topicId }) => ({ type: 'topicDeleted', topicId })), response: [...strange, ...response] }
}

const find = (image: ClusterImage, { name, topicId }: TopicRef): TopicImage | undefined =>
  name === null ? image.topicsById.get(topicId) : image.topics.get(name)

function validationError({ name, topicId }: TopicRef): string | undefined {
  if (name !== null && topicId !== zeroUuid) return 'Topic name and id cannot both be given.'
  return name === null && topicId === zeroUuid ? 'Neither topic name nor id is given.' : undefined
}

function validate({ name }: TopicRef, topic: TopicImage | undefined, isRepeated: boolean): ValidationError | undefined {
  const explained = (error: KafkaError): ValidationError => [error, error.message]
  if (isRepeated) return [errors.INVALID_REQUEST, 'The topic is named more than once.']
  return topic === undefined ? explained(name === null ? errors.UNKNOWN_TOPIC_ID : errors.UNKNOWN_TOPIC_OR_PARTITION) : undefined
}
