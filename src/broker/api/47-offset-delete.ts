import { NotReady } from '../../coordinator/partition.ts'
import { OffsetDeleteRequest, OffsetDeleteResponse } from '../../wire/api/47-offset-delete.ts'
import { errors, type KafkaError } from '../../wire/errors.ts'
import type { RequestContext } from '../context.ts'
import { handler } from '../handler.ts'
import { eachOnce, isError, servedPartition } from '../partitions.ts'

/** Deletes committed offsets of partitions that no member of the group reads. */
export const offsetDelete = handler({
  request: OffsetDeleteRequest,
  response: OffsetDeleteResponse,
  versions: [0, 0],
  async handle({ groupId, topics: named }, context) {
    const topics = eachOnce(
      named,
      ({ name }) => name,
      ({ name }) => !context.cluster.image.topics.has(name),
    )
    if (groupId === '') return { errorCode: errors.INVALID_GROUP_ID.code, throttleTimeMs: 0, topics: [] }
    const parts = topics.flatMap(({ name, partitions }) =>
      partitions.map(({ partitionIndex }) => ({
        topic: name,
        partition: partitionIndex,
        error: requestError(name, partitionIndex, context),
      })),
    )
    const good = parts.filter(({ error }) => error === errors.NONE)
    const result = await context.groups.request({ type: 'deleteOffsets', groupId, partitions: good })
    if (result instanceof NotReady || 'code' in result) {
      const { code } = result instanceof NotReady ? result.error : result
      return { errorCode: code, throttleTimeMs: 0, topics: [] }
    }
    good.forEach((part, index) => {
      part.error = result[index]!
    })
    let next = 0
    const responses = topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: parts[next++]!.error.code })),
    }))
    return { errorCode: errors.NONE.code, throttleTimeMs: 0, topics: responses }
  },
})

function requestError(topic: string, partition: number, context: RequestContext): KafkaError {
  const found = servedPartition(context, topic, partition, -1)
  return isError(found) ? found : errors.NONE
}
