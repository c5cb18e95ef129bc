import { OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse } from '../../wire/api/23-offset-for-leader-epoch.ts'
import { errors, type KafkaError } from '../../wire/errors.ts'
import type { RequestContext } from '../context.ts'
import { handler } from '../handler.ts'
import { isError, offsetsOf, servedPartition } from '../partitions.ts'

type Asked = OffsetForLeaderEpochRequest['topics'][number]['partitions'][number]

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
    const answered = topics.map(async ({ topic, partitions }) => ({
      topic,
      partitions: await Promise.all(
        partitions.map(async (asked) => {
          const found = await endOf(context, topic, asked)
          const isFound = 'endOffset' in found
          return { partition: asked.partition, errorCode: isFound ? errors.NONE.code : found.code, ...(isFound ? found : unknownEnd) }
        }),
      ),
    }))
    return { throttleTimeMs: 0, topics: await Promise.all(answered) }
  },
})

async function endOf(context: RequestContext, topic: string, asked: Asked): Promise<EpochEnd | KafkaError> {
  const partition = servedPartition(context, topic, asked.partition, asked.currentLeaderEpoch)
  if (isError(partition)) return partition
  if (asked.leaderEpoch === -1 || asked.leaderEpoch > partition.leaderEpoch) return unknownEnd
  const offsets = await offsetsOf(context, partition.partitionId)
  if (offsets === undefined) return errors.UNKNOWN_TOPIC_OR_PARTITION
  const isFirst = asked.leaderEpoch === partition.leaderEpoch
  return { leaderEpoch: asked.leaderEpoch, endOffset: isFirst ? offsets.highWatermark : offsets.logStartOffset }
}
