import { topicNameError } from '../../metadata/topic-names.ts'
import { DescribeProducersRequest, DescribeProducersResponse } from '../../wire/api/61-describe-producers.ts'
import { errors, type KafkaError } from '../../wire/errors.ts'
import type { RequestContext } from '../context.ts'
import { handler } from '../handler.ts'
import { isError, partitionName, rarelyRepeated, servedPartition, whileServed } from '../partitions.ts'

type PartitionRow = DescribeProducersResponse['topics'][number]['partitions'][number]

/** The idempotent producers of which partitions have state. None of them has a transaction. */
export const describeProducers = handler({
  request: DescribeProducersRequest,
  response: DescribeProducersResponse,
  versions: [0, 0],
  async handle({ topics }, context) {
    const requested = topics.map(({ name, partitionIndexes }) => partitionIndexes.map((index) => ({ name, index })))
    const responses = new Set(rarelyRepeated(requested.flat(), ({ name, index }) => partitionName(name, index)))
    const rows = topics.map(async ({ name }, at) => ({
      name,
      partitions: await Promise.all(
        requested[at]!.filter((one) => responses.has(one)).map(({ index }) => partitionRow(context, name, index)),
      ),
    }))
    return { throttleTimeMs: 0, topics: await Promise.all(rows) }
  },
})

async function partitionRow(context: RequestContext, name: string, index: number): Promise<PartitionRow> {
  const illegal = topicNameError(name)
  if (illegal !== undefined) return errorResponse(index, errors.INVALID_TOPIC_EXCEPTION, illegal)
  const partition = servedPartition(context, name, index, -1)
  const found = isError(partition)
    ? undefined
    : await whileServed(context, partition.partitionId, context.partitions.producers(partition.partitionId))
  if (found === undefined) {
    return errorResponse(index, errors.UNKNOWN_TOPIC_OR_PARTITION, errors.UNKNOWN_TOPIC_OR_PARTITION.message)
  }
  const activeProducers = found.map(({ producerId, epoch, lastSequence, lastTimestamp }) => ({
    producerId,
    producerEpoch: epoch,
    lastSequence,
    lastTimestamp,
    coordinatorEpoch: -1,
    currentTxnStartOffset: -1n,
  }))
  return { partitionIndex: index, errorCode: errors.NONE.code, errorMessage: null, activeProducers }
}

const errorResponse = (partitionIndex: number, { code }: KafkaError, errorMessage: string): PartitionRow => ({
  partitionIndex,
  errorCode: code,
  errorMessage,
  activeProducers: [],
})
