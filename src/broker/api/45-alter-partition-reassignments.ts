import { brokersError } from '../../controller/assignments.ts'
import { AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse } from '../../wire/api/45-alter-partition-reassignments.ts'
import { errors, type KafkaError } from '../../wire/errors.ts'
import type { RequestContext } from '../context.ts'
import { handler } from '../handler.ts'

/** There is one node, and it has all partitions: a move to it is complete at once, and no other is possible. */
export const alterPartitionReassignments = handler({
  request: AlterPartitionReassignmentsRequest,
  response: AlterPartitionReassignmentsResponse,
  versions: [0, 1],
  handle: ({ topics, allowReplicationFactorChange }, context) => ({
    throttleTimeMs: 0,
    // Kafka's message for an empty replica list is blank.
    allowReplicationFactorChange: allowReplicationFactorChange || topics.length === 0,
    errorCode: errors.NONE.code,
    errorMessage: topics.length === 0 ? '' : null,
    responses: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex, replicas }) => {
        const [{ code }, errorMessage] = result(context, name, partitionIndex, replicas)
        return { partitionIndex, errorCode: code, errorMessage }
      }),
    })),
  }),
})

function result(
  { cluster }: RequestContext,
  name: string,
  index: number,
  replicas: readonly number[] | null,
): readonly [KafkaError, string | null] {
  const topic = cluster.image.topics.get(name)
  if (topic === undefined) return [errors.UNKNOWN_TOPIC_OR_PARTITION, `Unable to find a topic named ${name}.`]
  if (topic.partitionIds[index] === undefined) return [errors.UNKNOWN_TOPIC_OR_PARTITION, `Unable to find partition ${name}:${index}.`]
  if (replicas === null) return [errors.NO_REASSIGNMENT_IN_PROGRESS, null]
  const wrong = brokersError(replicas, cluster.image.brokers)
  return wrong === undefined ? [errors.NONE, null] : [errors.INVALID_REPLICA_ASSIGNMENT, wrong]
}
