import { NotReady } from '../group/coordinator.ts'
import type { CommittedOffset } from '../group/offsets.ts'
import { OffsetFetchRequest, OffsetFetchResponse } from '../wire/api/09-offset-fetch.ts'
import { errors, type KafkaError } from '../wire/errors.ts'
import { zeroUuid } from '../wire/schema.ts'
import type { RequestContext } from './context.ts'
import { handler } from './handler.ts'

/** The error of a whole group has a place of its own from here on. */
const groupErrorVersion = 2
/** Several groups from here on. */
const batchVersion = 8
/** Topics are named by id from here on. */
const byIdVersion = 10

type AskedGroup = OffsetFetchRequest['groups'][number]
type AskedTopic = NonNullable<AskedGroup['topics']>[number]
type AnsweredGroup = OffsetFetchResponse['groups'][number]
type AnsweredTopic = AnsweredGroup['topics'][number]
type AnsweredPartition = AnsweredTopic['partitions'][number]
type Committed = ReadonlyMap<string, ReadonlyMap<number, CommittedOffset>>

/** How far groups have read. A partition of which nothing is committed is no error: it has offset -1. */
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

async function fetchGroup(asked: AskedGroup, context: RequestContext): Promise<AnsweredGroup> {
  const { groupId, memberId, memberEpoch, topics } = asked
  const said = await context.groups.ask({ type: 'fetch', groupId, memberId, memberEpoch })
  const error = said.error
  if (said instanceof NotReady || error !== errors.NONE) {
    const failed = context.version < groupErrorVersion ? (topics ?? []).map((topic) => failedTopic(topic, error)) : []
    return { groupId, topics: failed, errorCode: error.code }
  }
  const answered = topics === null ? everything(said.offsets, context) : topics.map((topic) => fetchTopic(topic, said.offsets, context))
  return { groupId, topics: answered, errorCode: errors.NONE.code }
}

function fetchTopic(asked: AskedTopic, offsets: Committed, { version, controller }: RequestContext): AnsweredTopic {
  const { topicId, partitionIndexes } = asked
  const topic = version >= byIdVersion ? controller.image.topicsById.get(topicId) : undefined
  if (version >= byIdVersion && topic === undefined) return failedTopic(asked, errors.UNKNOWN_TOPIC_ID)
  const name = topic?.name ?? asked.name
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

/** An offset of a topic that was deleted is none of one that has its name. */
const isOf = (value: CommittedOffset, topicId: string): boolean =>
  value.topicId === zeroUuid || topicId === zeroUuid || value.topicId === topicId

function everything(offsets: Committed, { version, controller }: RequestContext): AnsweredTopic[] {
  return Array.from(offsets).flatMap(([name, partitions]) => {
    const topicId = version >= byIdVersion ? controller.image.topics.get(name)?.topicId : zeroUuid
    if (topicId === undefined) return []
    return [{ name, topicId, partitions: Array.from(partitions, ([partition, value]) => shown(partition, value, errors.NONE)) }]
  })
}

const failedTopic = ({ name, topicId, partitionIndexes }: AskedTopic, error: KafkaError): AnsweredTopic => ({
  name,
  topicId,
  partitions: partitionIndexes.map((partition) => shown(partition, undefined, error)),
})

const shown = (partition: number, value: CommittedOffset | undefined, error: KafkaError): AnsweredPartition => ({
  partitionIndex: partition,
  committedOffset: value?.offset ?? -1n,
  committedLeaderEpoch: value?.leaderEpoch ?? -1,
  metadata: value?.metadata ?? '',
  errorCode: error.code,
})
