import { effectiveTopicConfigs, topicConfigError } from '../config/topic-configs.ts'
import type { ClusterImage } from '../metadata/cluster-image.ts'
import type { MetadataRecord } from '../metadata/records.ts'
import { clusterMetadataTopic, collisionKey, topicNameError } from '../metadata/topic-names.ts'
import { errors, type KafkaError } from '../wire/errors.ts'
import { zeroUuid } from '../wire/schema.ts'
import { assignmentError, manualError } from './assignments.ts'
import type { Commands, CreatedTopic, NewTopic } from './commands.ts'
import { type ControllerNode, type Outcome, onceEach, partitionsMax } from './outcome.ts'
import { placePartitions } from './placement.ts'

/**
 * Above all replication factors in practical use. Factors up to this one are recorded although one copy is stored, because tools often
 * request three regardless of the cluster.
 */
export const replicationFactorMax = 16

export type ValidationError = readonly [error: KafkaError, message: string]

/** Invalid topics are rejected one by one; the others are created together, or only validated. */
export function createTopics(
  image: ClusterImage,
  node: ControllerNode,
  { topics, validateOnly }: Commands['createTopics']['request'],
): Outcome<readonly CreatedTopic[]> {
  const records: MetadataRecord[] = []
  const response: CreatedTopic[] = []
  const taken = new Map([...image.topics.keys()].filter(hasCollisionCharacter).map((name) => [collisionKey(name), name]))
  let nextPartitionId = image.nextPartitionId
  for (const { item: topic, isRepeated } of onceEach(topics, ({ name }) => name)) {
    const [partitions, replicationFactor] = sizes(topic, node)
    const free = image.nextPartitionId + partitionsMax - nextPartitionId
    const error: ValidationError | undefined = isRepeated
      ? [errors.INVALID_REQUEST, 'Duplicate topic name.']
      : (validate(image, node, topic, taken) ??
        (partitions > free ? [errors.POLICY_VIOLATION, `One request cannot create more than ${partitionsMax} partitions.`] : undefined))
    if (error !== undefined) {
      response.push(failed(topic.name, error))
      continue
    }
    const { name, topicId } = topic
    const configs = new Map(topic.configs.map((config) => [config.name, config.value!]))
    const partitionIds = Array.from({ length: partitions }, (_, partition) => nextPartitionId + partition)
    nextPartitionId += partitions
    const replicas = replicasOf(image, topic, partitions)
    if (hasCollisionCharacter(name)) taken.set(collisionKey(name), name)
    records.push({ type: 'topicCreated', name, topicId, replicationFactor, partitionIds, configs, replicas })
    const effective = effectiveTopicConfigs(configs, node.configs)
    response.push({ name, topicId, error: errors.NONE, message: null, partitions, replicationFactor, configs: effective })
  }
  return { records: validateOnly ? [] : records, response }
}

function replicasOf(image: ClusterImage, { assignments }: NewTopic, partitions: number): readonly (readonly number[])[] {
  if (assignments.length === 0) return placePartitions(image, partitions)
  return [...assignments].sort((a, b) => a.partition - b.partition).map(({ brokers }) => brokers)
}

const hasCollisionCharacter = (name: string): boolean => name.includes('.') || name.includes('_')

const failed = (name: string, [error, message]: ValidationError): CreatedTopic => ({
  name,
  topicId: zeroUuid,
  error,
  message,
  partitions: -1,
  replicationFactor: -1,
  configs: [],
})

function sizes(
  { assignments, partitions, replicationFactor }: NewTopic,
  { configs: { settings } }: ControllerNode,
): readonly [number, number] {
  if (assignments.length > 0) return [assignments.length, assignments[0]!.brokers.length]
  return [
    partitions === -1 ? settings['num.partitions'] : partitions,
    replicationFactor === -1 ? settings['default.replication.factor'] : replicationFactor,
  ]
}

/** Validation in the order of Kafka. */
function validate(
  image: ClusterImage,
  node: ControllerNode,
  topic: NewTopic,
  taken: ReadonlyMap<string, string>,
): ValidationError | undefined {
  const { name } = topic
  if (name === clusterMetadataTopic) return [errors.INVALID_REQUEST, `Topic name '${name}' is reserved.`]
  const illegal = topicNameError(name)
  if (illegal !== undefined) return [errors.INVALID_TOPIC_EXCEPTION, illegal]
  if (image.topics.has(name)) return [errors.TOPIC_ALREADY_EXISTS, `Topic '${name}' already exists.`]
  const other = hasCollisionCharacter(name) ? taken.get(collisionKey(name)) : undefined
  if (other !== undefined) return [errors.INVALID_TOPIC_EXCEPTION, `Topic '${name}' collides with existing topic: ${other}`]
  return configError(topic, node) ?? sizeError(image, topic)
}

function configError({ configs }: NewTopic, node: ControllerNode): ValidationError | undefined {
  const empty = configs.filter((config) => config.value === null).map((config) => config.name)
  if (empty.length > 0) return [errors.INVALID_CONFIG, `Null value not supported for topic configs: ${empty.join(', ')}`]
  const validationError = topicConfigError(new Map(configs.map((config) => [config.name, config.value!])), node.configs.settings)
  return validationError === undefined ? undefined : [errors.INVALID_CONFIG, validationError]
}

function sizeError(image: ClusterImage, topic: NewTopic): ValidationError | undefined {
  if (topic.assignments.length > 0) {
    const both = manualError(topic)
    if (both !== undefined) return [errors.INVALID_REQUEST, both]
    const wrong = assignmentError(topic.assignments, image.brokers)
    return wrong === undefined ? undefined : [errors.INVALID_REPLICA_ASSIGNMENT, wrong]
  }
  if (topic.replicationFactor < -1 || topic.replicationFactor === 0) {
    return [errors.INVALID_REPLICATION_FACTOR, 'Replication factor must be larger than 0, or -1 to use the default value.']
  }
  if (topic.partitions < -1 || topic.partitions === 0) {
    return [errors.INVALID_PARTITIONS, 'Number of partitions must be larger than 0, or -1 to use the default value.']
  }
  if (topic.replicationFactor > replicationFactorMax) {
    return [
      errors.INVALID_REPLICATION_FACTOR,
      `Replication factor ${topic.replicationFactor} is larger than the maximum of ${replicationFactorMax}.`,
    ]
  }
  return undefined
}
