import type { TopicImage } from '../../metadata/cluster-image.ts'
import { isInternal, topicNameError } from '../../metadata/topic-names.ts'
import { MetadataRequest, MetadataResponse } from '../../wire/api/03-metadata.ts'
import { errors, type KafkaError } from '../../wire/errors.ts'
import { blank, zeroUuid } from '../../wire/schema.ts'
import { clusterOperations, notRequested, topicOperations } from '../authorized-operations.ts'
import type { RequestContext } from '../context.ts'
import { handler } from '../handler.ts'
import { partitionView } from '../topic-view.ts'

type TopicRow = MetadataResponse['topics'][number]

/** First version with requests by topic id. */
const byIdVersion = 12

/** The brokers of the cluster, and its topics. A request for a topic by name may create it. */
export const metadata = handler({
  request: MetadataRequest,
  response: MetadataResponse,
  versions: [0, 13],
  async handle(request, context) {
    if (!isUnderstood(request, context.version)) return errorResponse(request)
    const { cluster, clusterId, session } = context
    const includesOperations = request.includeClusterAuthorizedOperations && context.version <= 10
    return {
      throttleTimeMs: 0,
      brokers: cluster.brokers(session.listener).map(({ brokerId, host, port, rack }) => ({ nodeId: brokerId, host, port, rack })),
      clusterId,
      controllerId: cluster.controllerId,
      topics: await topicRows(request, context),
      clusterAuthorizedOperations: includesOperations ? clusterOperations : notRequested,
      errorCode: errors.NONE.code,
    }
  },
})

/** Before version 12 a topic has a name. Later, one id makes it a request by id for all topics; without one all have names. */
function isUnderstood({ topics }: MetadataRequest, version: number): boolean {
  if (topics === null) return true
  const hasIds = topics.some(({ topicId }) => topicId !== zeroUuid)
  return hasIds ? version >= byIdVersion : topics.every(({ name }) => name !== null)
}

const errorResponse = ({ topics }: MetadataRequest): MetadataResponse => ({
  ...blank(MetadataResponse),
  topics: (topics ?? []).map(({ name, topicId }) => errorRow(name ?? '', topicId, errors.INVALID_REQUEST)),
  errorCode: errors.INVALID_REQUEST.code,
})

async function topicRows(request: MetadataRequest, context: RequestContext): Promise<TopicRow[]> {
  const { image } = context.cluster
  const show = (topic: TopicImage): TopicRow => topicRow(context, topic, request.includeTopicAuthorizedOperations)
  const { topics } = request
  if (topics === null || (context.version === 0 && topics.length === 0)) return [...image.topics.values()].map(show)
  const ids = new Set(topics.map((topic) => topic.topicId).filter((id) => id !== zeroUuid))
  if (ids.size > 0) {
    return [...ids].map((id) => {
      const topic = image.topicsById.get(id)
      return topic === undefined ? errorRow(null, id, errors.UNKNOWN_TOPIC_ID) : show(topic)
    })
  }
  const names = [...new Set(topics.flatMap((topic) => topic.name ?? []))]
  const failed = await missing(context, names, request.allowAutoTopicCreation)
  return names.map((name) => {
    const topic = image.topics.get(name)
    if (topic !== undefined) return show(topic)
    const row = errorRow(name, zeroUuid, failed.get(name) ?? errors.UNKNOWN_TOPIC_OR_PARTITION)
    return { ...row, topicAuthorizedOperations: request.includeTopicAuthorizedOperations ? topicOperations : notRequested }
  })
}

/** Creates missing topics where that is allowed; returns errors for the others. */
async function missing(context: RequestContext, names: readonly string[], allowed: boolean): Promise<ReadonlyMap<string, KafkaError>> {
  const { cluster, settings, autoCreation } = context
  const absent = names.filter((name) => !cluster.image.topics.has(name))
  const isCreating = allowed && settings['auto.create.topics.enable']
  const toCreate = isCreating ? absent.filter((name) => topicNameError(name) === undefined && !isInternal(name)) : []
  const failed = new Map(toCreate.length === 0 ? [] : await autoCreation.create(toCreate))
  for (const name of absent) if (topicNameError(name) !== undefined) failed.set(name, errors.INVALID_TOPIC_EXCEPTION)
  return failed
}

function topicRow(context: RequestContext, topic: TopicImage, withOperations: boolean): TopicRow {
  return {
    errorCode: errors.NONE.code,
    name: topic.name,
    topicId: topic.topicId,
    isInternal: isInternal(topic.name),
    partitions: topic.partitionIds.map((_, partition) => partitionView(context, topic, partition)),
    topicAuthorizedOperations: withOperations ? topicOperations : notRequested,
  }
}

const errorRow = (name: string | null, topicId: string, { code }: KafkaError): TopicRow => ({
  errorCode: code,
  name,
  topicId,
  isInternal: name !== null && isInternal(name),
  partitions: [],
  topicAuthorizedOperations: notRequested,
})
