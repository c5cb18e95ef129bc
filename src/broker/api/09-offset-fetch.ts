import { NotReady } from '../../coordinator/partition.ts'
import type { CommittedOffset } from '../../group/records.ts'
import { OffsetFetchRequest, OffsetFetchResponse } from '../../wire/api/09-offset-fetch.ts'
import { errors, type KafkaError } from '../../wire/errors.ts'
import { zeroUuid } from '../../wire/schema.ts'
import type { RequestContext } from '../context.ts'
import { handler } from '../handler.ts'

/** First version with a separate error for the whole group. */
const groupErrorVersion = 2
/** First version with several groups. */
const batchVersion = 8
/** First version with topics by id. */
const byIdVersion = 10

type RequestedGroup = OffsetFetchRequest['groups'][number]
type RequestedTopic = NonNullable<RequestedGroup['topics']>[number]
type GroupResponse = OffsetFetchResponse['groups'][number]
type TopicResponse = GroupResponse['topics'][number]
type PartitionResponse = TopicResponse['partitions'][number]
type Committed = ReadonlyMap<string, ReadonlyMap<number, CommittedOffset>>

/** Committed offsets of groups. A partition without a committed offset is no error: it has offset -1. */
export const offsetFetch = handler({
  request: OffsetFetchRequest,
  response: OffsetFetchResponse,
  versions: [1, 10],
  async handle(request, context) {
    const { version } = context
    if (version >= batchVersion) {
      const groups = await Promise.all(request.groups.map((group) => fetchGroup(group, context)))
      return { throttleTimeMs: 0, topics: [], errorCode: errors.NONE.code, groups }
    }
    const topics = request.topics?.map(({ name, partitionIndexes }) => ({ name, topicId: zeroUuid, partitionIndexes })) ?? null
    const found = await fetchGroup({ groupId: request.groupId, memberId: null, memberEpoch: -1, topics }, context)
    return { throttleTimeMs: 0, topics: found.topics, errorCode: found.errorCode, groups: [] }
  },
})

async function fetchGroup(requested: RequestedGroup, context: RequestContext): Promise<GroupResponse> {
  const { groupId, memberId, memberEpoch, topics } = requested
  const result = await context.groups.request({ type: 'fetch', groupId, memberId, memberEpoch })
  const error = result.error
  if (result instanceof NotReady || error !== errors.NONE) {
    const failed = context.version < groupErrorVersion ? (topics ?? []).map((topic) => failedTopic(topic, error)) : []
    return { groupId, topics: failed, errorCode: error.code }
  }
  const responses =
    topics === null ? everything(result.offsets, context) : topics.map((topic) => fetchTopic(topic, result.offsets, context))
  return { groupId, topics: responses, errorCode: errors.NONE.code }
}

function fetchTopic(requested: RequestedTopic, offsets: Committed, { version, cluster }: RequestContext): TopicResponse {
  const { topicId, partitionIndexes } = requested
  const topic = version >= byIdVersion ? cluster.image.topicsById.get(topicId) : undefined
  if (version >= byIdVersion && topic === undefined) return failedTopic(requested, errors.UNKNOWN_TOPIC_ID)
  const name = topic?.name ?? requested.name
  const committed = offsets.get(name)
  return {
    name,
    topicId,
    partitions: partitionIndexes.map((partition) => {
      const value = committed?.get(partition)
      return shown(partition, value !== undefined && isOf(value, topicId) ? value : undefined, errors.NONE)
    }),
  }
}

/** An offset of a deleted topic does not belong to a new topic of the same name. */
const isOf = (value: CommittedOffset, topicId: string): boolean =>
  value.topicId === zeroUuid || topicId === zeroUuid || value.topicId === topicId

function everything(offsets: Committed, { version, cluster }: RequestContext): TopicResponse[] {
  return Array.from(offsets).flatMap(([name, partitions]) => {
    const topicId = version >= byIdVersion ? cluster.image.topics.get(name)?.topicId : zeroUuid
    if (topicId === undefined) return []
    return [{ name, topicId, partitions: Array.from(partitions, ([partition, value]) => shown(partition, value, errors.NONE)) }]
  })
}

const failedTopic = ({ name, topicId, partitionIndexes }: RequestedTopic, error: KafkaError): TopicResponse => ({
  name,
  topicId,
  partitions: partitionIndexes.map((partition) => shown(partition, undefined, error)),
})

const shown = (partition: number, value: CommittedOffset | undefined, error: KafkaError): PartitionResponse => ({
  partitionIndex: partition,
  committedOffset: value?.offset ?? -1n,
  committedLeaderEpoch: value?.leaderEpoch ?? -1,
  metadata: value?.metadata ?? '',
  errorCode: error.code,
})
