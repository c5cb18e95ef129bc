import type { Image } from '../metadata/image.ts'
import type { MetadataRecord } from '../metadata/records.ts'
import { errors } from '../wire/errors.ts'
import { brokersComplaint } from './assignments.ts'
import type { Refusal } from './create-topics.ts'
import type { MorePartitions, Questions, Verdict } from './messages.ts'
import { type ControllerNode, type Outcome, onceEach, partitionsMax } from './outcome.ts'

/** Partitions can be added, never removed. One row for each topic, in the order of the request. */
export function createPartitions(
  image: Image,
  node: ControllerNode,
  { topics, validateOnly }: Questions['createPartitions']['ask'],
): Outcome<readonly Verdict[]> {
  const records: MetadataRecord[] = []
  const answer: Verdict[] = []
  let nextPartitionId = image.nextPartitionId
  for (const { item: wanted, isRepeated } of onceEach(topics, (topic) => topic.name)) {
    const { name } = wanted
    const refusal: Refusal | undefined = isRepeated
      ? [errors.INVALID_REQUEST, 'Duplicate topic name.']
      : refusalOf(image, node, wanted, image.nextPartitionId + partitionsMax - nextPartitionId)
    if (refusal !== undefined) {
      answer.push({ name, error: refusal[0], message: refusal[1] })
      continue
    }
    const { topicId, partitionIds: present } = image.topics.get(name)!
    const partitionIds = Array.from({ length: wanted.count - present.length }, (_, at) => nextPartitionId + at)
    nextPartitionId += partitionIds.length
    records.push({ type: 'partitionsAdded', topicId, partitionIds })
    answer.push({ name, error: errors.NONE, message: null })
  }
  return { records: validateOnly ? [] : records, answer }
}

function refusalOf(image: Image, node: ControllerNode, { name, count, assignments }: MorePartitions, free: number): Refusal | undefined {
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
    const wrong = brokersComplaint(brokers, node.nodeId)
    if (wrong !== undefined) return [errors.INVALID_REPLICA_ASSIGNMENT, wrong]
  }
  return undefined
}
