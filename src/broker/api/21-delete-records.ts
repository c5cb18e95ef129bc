import { cleanupPolicies } from '../../config/topic-configs.ts'
import { isInternal } from '../../metadata/topic-names.ts'
import { DeleteRecordsRequest, DeleteRecordsResponse } from '../../wire/api/21-delete-records.ts'
import { errors, type KafkaError } from '../../wire/errors.ts'
import type { RequestContext } from '../context.ts'
import { handler } from '../handler.ts'
import { eachOnce, isError, offsetsOf, servedPartition } from '../partitions.ts'

/** Special offset of the request: the high watermark. */
const highWatermarkOffset = -1n

/**
 * Moves the log start offset forward. An offset below the current start is no error, and neither is a repetition; of a partition that is
 * named twice, the last offset counts.
 */
export const deleteRecords = handler({
  request: DeleteRecordsRequest,
  response: DeleteRecordsResponse,
  versions: [0, 2],
  async handle({ topics }, context) {
    const responses = eachOnce(topics, ({ name }) => name).map(async ({ name, partitions }) => ({
      name,
      partitions: await Promise.all(
        lastOfEach(partitions).map(async ({ partitionIndex, offset }) => {
          const moved = await moveLogStart(context, name, partitionIndex, offset)
          return typeof moved === 'bigint'
            ? { partitionIndex, lowWatermark: moved, errorCode: errors.NONE.code }
            : { partitionIndex, lowWatermark: -1n, errorCode: moved.code }
        }),
      ),
    }))
    return { throttleTimeMs: 0, topics: await Promise.all(responses) }
  },
})

type RequestedPartition = DeleteRecordsRequest['topics'][number]['partitions'][number]
const lastOfEach = (partitions: readonly RequestedPartition[]): RequestedPartition[] => [
  ...new Map(partitions.map((requested) => [requested.partitionIndex, requested])).values(),
]

async function moveLogStart(context: RequestContext, name: string, index: number, requested: bigint): Promise<bigint | KafkaError> {
  const { cluster, controller, settings } = context
  const partition = servedPartition(context, name, index, -1)
  if (isError(partition)) return partition
  if (isInternal(name)) return errors.INVALID_TOPIC_EXCEPTION
  const { configs } = cluster.image.topics.get(name)!
  if (!cleanupPolicies(configs, settings).includes('delete')) return errors.POLICY_VIOLATION
  const offsets = await offsetsOf(context, partition.partitionId)
  if (offsets === undefined) return errors.UNKNOWN_TOPIC_OR_PARTITION
  const offset = requested === highWatermarkOffset ? offsets.highWatermark : requested
  if (offset < 0n || offset > offsets.highWatermark) return errors.OFFSET_OUT_OF_RANGE
  const moved = await controller.request({ type: 'moveLogStart', partitionId: partition.partitionId, offset })
  return moved ?? errors.UNKNOWN_TOPIC_OR_PARTITION
}
