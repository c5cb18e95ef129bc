import { NotReady } from '../../coordinator/partition.ts'
import type { TopicImage } from '../../metadata/cluster-image.ts'
import { OffsetCommitRequest, OffsetCommitResponse } from '../../wire/api/08-offset-commit.ts'
import { errors, type KafkaError } from '../../wire/errors.ts'
import type { RequestContext } from '../context.ts'
import { handler } from '../handler.ts'
import { isError, servedPartition } from '../partitions.ts'

type RequestedTopic = OffsetCommitRequest['topics'][number]

/** First version with topics by id. */
const byIdVersion = 10

/** Result for one partition of the request: an offset to commit, or an error. */
interface Part {
  readonly requested: RequestedTopic['partitions'][number]
  readonly topic: string
  readonly topicId: string
  error: KafkaError
}

/** Commits offsets of a group. Partitions that do not exist are rejected, the others are committed together. */
export const offsetCommit = handler({
  request: OffsetCommitRequest,
  response: OffsetCommitResponse,
  versions: [2, 10],
  async handle(request, context) {
    const all = request.topics.map((topic) => ({ topic, parts: partsOf(topic, context) }))
    const topicsWith = (isGood: boolean): TopicParts[] =>
      all.map(({ topic, parts }) => ({ topic, parts: parts.filter(({ error }) => (error === errors.NONE) === isGood) }))
    const bad = topicsWith(false).filter(({ topic, parts }) => parts.length > 0 || imageOf(topic, context) === undefined)
    const good = topicsWith(true).filter(({ parts }) => parts.length > 0)
    const parts = good.flatMap((each) => each.parts)
    if (parts.length > 0) await commit(request, parts, context)
    return { throttleTimeMs: 0, topics: (bad.length === 0 ? good : merged([...bad, ...good])).map(row) }
  },
})

interface TopicParts {
  readonly topic: RequestedTopic
  readonly parts: readonly Part[]
}

/** Each topic once. Kafka merges topics with rejected partitions, and leaves the others as requested. */
function merged(all: readonly TopicParts[]): TopicParts[] {
  const topics = new Map<string, TopicParts>()
  for (const { topic, parts } of all) {
    const key = `${topic.topicId} ${topic.name}`
    topics.set(key, { topic, parts: [...(topics.get(key)?.parts ?? []), ...parts] })
  }
  return [...topics.values()]
}

const row = ({ topic: { name, topicId }, parts }: TopicParts): OffsetCommitResponse['topics'][number] => ({
  name,
  topicId,
  partitions: parts.map(({ requested, error }) => ({ partitionIndex: requested.partitionIndex, errorCode: error.code })),
})

function imageOf({ name, topicId }: RequestedTopic, { cluster: { image }, version }: RequestContext): TopicImage | undefined {
  return version >= byIdVersion ? image.topicsById.get(topicId) : image.topics.get(name)
}

function partsOf(requested: RequestedTopic, context: RequestContext): Part[] {
  const { topicId, partitions } = requested
  const topic = imageOf(requested, context)
  const missing = context.version >= byIdVersion ? errors.UNKNOWN_TOPIC_ID : errors.UNKNOWN_TOPIC_OR_PARTITION
  return partitions.map((requested) => {
    if (topic === undefined) return { requested, topic: '', topicId, error: missing }
    const partition = servedPartition(context, topic.name, requested.partitionIndex, -1)
    return { requested, topic: topic.name, topicId: topic.topicId, error: isError(partition) ? partition : errors.NONE }
  })
}

async function commit(request: OffsetCommitRequest, parts: readonly Part[], { groups, version }: RequestContext): Promise<void> {
  const result = await groups.request({
    type: 'commit',
    groupId: request.groupId,
    memberId: request.memberId,
    instanceId: request.groupInstanceId,
    generation: request.generationIdOrMemberEpoch,
    version,
    retentionTimeMs: request.retentionTimeMs,
    offsets: parts.map(({ requested, topic, topicId }) => ({
      topic,
      topicId,
      partition: requested.partitionIndex,
      offset: requested.committedOffset,
      leaderEpoch: requested.committedLeaderEpoch,
      metadata: requested.committedMetadata,
    })),
  })
  parts.forEach((part, index) => {
    part.error = result instanceof NotReady ? result.error : 'code' in result ? result : result[index]!
  })
}
