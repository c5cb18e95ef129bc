import type { ClusterImage } from '../metadata/cluster-image.ts'
import type { MetadataRecord } from '../metadata/records.ts'
import { errors } from '../wire/errors.ts'
import { brokersError } from './assignments.ts'
import type { CommandResult, Commands, MorePartitions } from './commands.ts'
import type { ValidationError } from './create-topics.ts'
import { type Outcome, onceEach, partitionsMax } from './outcome.ts'
import { placePartitions } from './placement.ts'

/** Partitions can be added, never removed. One row for each topic, in the order of the request. */
export function createPartitions(
  image: ClusterImage,
  { topics, validateOnly }: Commands['createPartitions']['request'],
): Outcome<readonly CommandResult[]> {
  const records: MetadataRecord[] = []
  const response: CommandResult[] = []
  let nextPartitionId = image.nextPartitionId
  for (const { item: requested, isRepeated } of onceEach(topics, (topic) => topic.name)) {
    const { name } = requested
    const error: ValidationError | undefined = isRepeated
      ? [errors.INVALID_REQUEST, 'Duplicate topic name.']
      : validate(image, requested, image.nextPartitionId + partitionsMax - nextPartitionId)
    if (error !== undefined) {
      response.push({ name, error: error[0], message: error[1] })
      continue
    }
    const { topicId, partitionIds: present } = image.topics.get(name)!
    const partitionIds = Array.from({ length: requested.count - present.length }, (_, at) => nextPartitionId + at)
    nextPartitionId += partitionIds.length
    const replicas = requested.assignments ?? placePartitions(image, partitionIds.length)
    records.push({ type: 'partitionsAdded', topicId, partitionIds, replicas })
    response.push({ name, error: errors.NONE, message: null })
  }
  return { records: validateOnly ? [] : records, response }
}

function validate(image: ClusterImage, { name, count, assignments }: MorePartitions, free: number): ValidationError | undefined {
  const topic = image.topics.get(name)
  if (topic === undefined) return [errors.UNKNOWN_TOPIC_OR_PARTITION, errors.UNKNOWN_TOPIC_OR_PARTITION.message]
  const present = topic.partitionIds.length
  if (count === present) return [errors.INVALID_PARTITIONS, `Topic already has ${present} partition(s).`]
  if (count < present) {
    return [errors.INVALID_PARTITIONS, `The topic ${name} currently has ${present} partition(s); ${count} would not be an increase.`]
  }
  if (count - present > free) return [errors.INVALID_PARTITIONS, `One request cannot add more than ${partitionsMax} partitions.`]
  if (assignments === null) return undefined
  if (assignments.length !== count - present) {
    const message = `${count - present} partition(s) are to be added, but ${assignments.length} assignment(s) were specified.`
    return [errors.INVALID_REPLICA_ASSIGNMENT, message]
  }
  for (const brokers of assignments) {
    const wrong = brokersError(brokers, image.brokers)
    if (wrong !== undefined) return [errors.INVALID_REPLICA_ASSIGNMENT, wrong]
  }
  return undefined
}
