import type { TopicImage } from '../../metadata/cluster-image.ts'
import { isInternal, topicNameError } from '../../metadata/topic-names.ts'
import { DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse } from '../../wire/api/75-describe-topic-partitions.ts'
import { errors, type KafkaError } from '../../wire/errors.ts'
import { zeroUuid } from '../../wire/schema.ts'
import { notRequested, topicOperations } from '../authorized-operations.ts'
import type { RequestContext } from '../context.ts'
import { handler } from '../handler.ts'
import { partitionView } from '../topic-view.ts'

type TopicRow = DescribeTopicPartitionsResponse['topics'][number]
type Cursor = DescribeTopicPartitionsResponse['nextCursor']

/** Maximum number of partitions in one response; Kafka's default of max.request.partition.size.limit. */
const partitionsMax = 2000

/** Topics in the order of their names, page by page: the cursor is the first partition after the page. */
export const describeTopicPartitions = handler({
  request: DescribeTopicPartitionsRequest,
  response: DescribeTopicPartitionsResponse,
  versions: [0, 0],
  handle({ topics, responsePartitionLimit, cursor }, context) {
    const requested = topics.map((topic) => topic.name)
    if (cursor !== null && (cursor.partitionIndex < 0 || (requested.length > 0 && !requested.includes(cursor.topicName)))) {
      return { throttleTimeMs: 0, topics: requested.map((name) => errorRow(name, errors.INVALID_REQUEST)), nextCursor: null }
    }
    const known = requested.length === 0 ? [...context.cluster.image.topics.keys()] : [...new Set(requested)]
    const names = known.filter((name) => cursor === null || name >= cursor.topicName).sort()
    return page(context, names, cursor, Math.min(Math.max(responsePartitionLimit, 1), partitionsMax))
  },
})

function page(context: RequestContext, names: readonly string[], cursor: Cursor, limit: number): DescribeTopicPartitionsResponse {
  const rows: TopicRow[] = []
  let nextCursor: Cursor = null
  let left = limit
  for (const name of names) {
    if (left === 0) {
      nextCursor = { topicName: name, partitionIndex: 0 }
      break
    }
    const topic = context.cluster.image.topics.get(name)
    if (topic === undefined) {
      const error = topicNameError(name) === undefined ? errors.UNKNOWN_TOPIC_OR_PARTITION : errors.INVALID_TOPIC_EXCEPTION
      rows.push({ ...errorRow(name, error), topicAuthorizedOperations: topicOperations })
      continue
    }
    const from = cursor?.topicName === name ? cursor.partitionIndex : 0
    rows.push(topicRow(context, topic, from, from + left))
    if (topic.partitionIds.length - from > left) {
      nextCursor = { topicName: name, partitionIndex: from + left }
      break
    }
    left -= Math.max(topic.partitionIds.length - from, 0)
  }
  return { throttleTimeMs: 0, topics: rows, nextCursor }
}

function topicRow(context: RequestContext, topic: TopicImage, from: number, to: number): TopicRow {
  return {
    errorCode: errors.NONE.code,
    name: topic.name,
    topicId: topic.topicId,
    isInternal: isInternal(topic.name),
    partitions: topic.partitionIds.slice(from, to).map((_, index) => ({
      ...partitionView(context, topic, from + index),
      eligibleLeaderReplicas: [],
      lastKnownElr: [],
    })),
    topicAuthorizedOperations: topicOperations,
  }
}

const errorRow = (name: string, { code }: KafkaError): TopicRow => ({
  errorCode: code,
  name,
  topicId: zeroUuid,
  isInternal: isInternal(name),
  partitions: [],
  topicAuthorizedOperations: notRequested,
})
