import { OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse } from '../../wire/api/23-offset-for-leader-epoch.ts'
import { errors, type KafkaError } from '../../wire/errors.ts'
import type { RequestContext } from '../context.ts'
import { handler } from '../handler.ts'
import { isError, offsetsOf, servedPartition } from '../partitions.ts'

type RequestedPartition = OffsetForLeaderEpochRequest['topics'][number]['partitions'][number]

interface EpochEnd {
  readonly leaderEpoch: number
  readonly endOffset: bigint
}
const unknownEnd: EpochEnd = { leaderEpoch: -1, endOffset: -1n }

/**
 * The end offset of a leader epoch, with which a consumer checks whether the records that it read still exist.
 * A partition has one epoch, since its leader never changes: a later one is unknown, an earlier one ended where the first began.
 */
export const offsetForLeaderEpoch = handler({
  request: OffsetForLeaderEpochRequest,
  response: OffsetForLeaderEpochResponse,
  versions: [2, 4],
  async handle({ topics }, context) {
    const responses = topics.map(async ({ topic, partitions }) => ({
      topic,
      partitions: await Promise.all(
        partitions.map(async (requested) => {
          const found = await endOf(context, topic, requested)
          const isFound = 'endOffset' in found
          return { partition: requested.partition, errorCode: isFound ? errors.NONE.code : found.code, ...(isFound ? found : unknownEnd) }
        }),
      ),
    }))
    return { throttleTimeMs: 0, topics: await Promise.all(responses) }
  },
})

async function endOf(context: RequestContext, topic: string, requested: RequestedPartition): Promise<EpochEnd | KafkaError> {
  const partition = servedPartition(context, topic, requested.partition, requested.currentLeaderEpoch)
  if (isError(partition)) return partition
  if (requested.leaderEpoch === -1 || requested.leaderEpoch > partition.leaderEpoch) return unknownEnd
  const offsets = await offsetsOf(context, partition.partitionId)
  if (offsets === undefined) return errors.UNKNOWN_TOPIC_OR_PARTITION
  const isFirst = requested.leaderEpoch === partition.leaderEpoch
  return { leaderEpoch: requested.leaderEpoch, endOffset: isFirst ? offsets.highWatermark : offsets.logStartOffset }
}
