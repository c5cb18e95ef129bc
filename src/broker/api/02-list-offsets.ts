import type { FoundOffset } from '../../ports/partitions.ts'
import { ListOffsetsRequest, ListOffsetsResponse } from '../../wire/api/02-list-offsets.ts'
import { errors, type KafkaError } from '../../wire/errors.ts'
import type { RequestContext } from '../context.ts'
import { handler } from '../handler.ts'
import { duplicates, eachOnce, isError, offsetsOf, partitionName, servedPartition, whileServed } from '../partitions.ts'

type RequestedPartition = ListOffsetsRequest['topics'][number]['partitions'][number]
type PartitionResponse = ListOffsetsResponse['topics'][number]['partitions'][number]

const nothing: FoundOffset = { offset: -1n, timestamp: -1n, leaderEpoch: -1 }

/**
 * Special timestamps, and the first version with each. The tiers of KIP-405 are one here: the earliest local record is the
 * earliest record. A client cannot distinguish tiers, so no offset is tiered or pending upload.
 */
const special: ReadonlyMap<bigint, number> = new Map([
  [-1n, 0],
  [-2n, 0],
  [-3n, 7],
  [-4n, 8],
  [-5n, 9],
  [-6n, 11],
])

/** First and last offset of a partition, and offsets by time. The isolation level has no effect before there are transactions. */
export const listOffsets = handler({
  request: ListOffsetsRequest,
  response: ListOffsetsResponse,
  versions: [1, 11],
  async handle(request, context) {
    const topics = eachOnce(request.topics, ({ name }) => name)
    const twice = duplicates(
      topics.flatMap(({ name, partitions }) => partitions.map(({ partitionIndex }) => [name, partitionIndex] as const)),
    )
    const responses = topics.map(async ({ name, partitions }) => ({
      name,
      partitions: await Promise.all(
        onceEach(partitions).map((requested) =>
          respond(context, name, requested, twice.has(partitionName(name, requested.partitionIndex))),
        ),
      ),
    }))
    return { throttleTimeMs: 0, topics: await Promise.all(responses) }
  },
})

const onceEach = (partitions: readonly RequestedPartition[]): RequestedPartition[] => [
  ...new Map(partitions.map((requested) => [requested.partitionIndex, requested])).values(),
]

async function respond(
  context: RequestContext,
  topic: string,
  requested: RequestedPartition,
  isDuplicate: boolean,
): Promise<PartitionResponse> {
  const found = isDuplicate ? errors.INVALID_REQUEST : await find(context, topic, requested)
  const { offset, timestamp, leaderEpoch } = 'code' in found ? nothing : found
  return {
    partitionIndex: requested.partitionIndex,
    errorCode: 'code' in found ? found.code : errors.NONE.code,
    timestamp,
    offset,
    leaderEpoch: context.version >= 4 ? leaderEpoch : -1,
  }
}

async function find(context: RequestContext, topic: string, requested: RequestedPartition): Promise<FoundOffset | KafkaError> {
  const { timestamp, partitionIndex, currentLeaderEpoch } = requested
  if (timestamp < 0n && context.version < (special.get(timestamp) ?? Infinity)) return errors.UNSUPPORTED_VERSION
  const partition = servedPartition(context, topic, partitionIndex, currentLeaderEpoch)
  if (isError(partition)) return partition
  const { partitionId } = partition
  if (timestamp >= 0n) return orNotServed(whileServed(context, partitionId, context.partitions.findTimestamp(partitionId, timestamp)))
  if (timestamp === -3n) return orNotServed(whileServed(context, partitionId, context.partitions.findMaxTimestamp(partitionId)))
  if (timestamp === -5n || timestamp === -6n) return nothing
  const offsets = await offsetsOf(context, partitionId)
  if (offsets === undefined) return errors.UNKNOWN_TOPIC_OR_PARTITION
  const offset = timestamp === -1n ? offsets.highWatermark : offsets.logStartOffset
  return { offset, timestamp: -1n, leaderEpoch: offsets.leaderEpoch }
}

const orNotServed = async (found: Promise<FoundOffset | undefined>): Promise<FoundOffset | KafkaError> =>
  (await found) ?? errors.UNKNOWN_TOPIC_OR_PARTITION
