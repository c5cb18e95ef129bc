import { ElectLeadersRequest, ElectLeadersResponse } from '../../wire/api/43-elect-leaders.ts'
import { errors, type KafkaError } from '../../wire/errors.ts'
import type { RequestContext } from '../context.ts'
import { handler } from '../handler.ts'

const preferred = 0
const unclean = 1

/** The only node leads every partition, so that no election is ever needed. */
export const electLeaders = handler({
  request: ElectLeadersRequest,
  response: ElectLeadersResponse,
  versions: [0, 2],
  handle({ electionType, topicPartitions }, context) {
    const isKnown = electionType === preferred || electionType === unclean
    const rows =
      topicPartitions?.map(({ topic, partitions }) => ({
        topic,
        partitionResult: partitions.map((index) => {
          const [{ code }, errorMessage] = isKnown
            ? result(context, topic, index)
            : [errors.INVALID_REQUEST, `Unknown election type ${electionType}`]
          return { partitionId: index, errorCode: code, errorMessage }
        }),
      })) ?? [...context.cluster.image.topics.keys()].map((topic) => ({ topic, partitionResult: [] }))
    const errorCode = isKnown ? errors.NONE.code : errors.INVALID_REQUEST.code
    return { throttleTimeMs: 0, errorCode, replicaElectionResults: rows }
  },
})

function result({ cluster }: RequestContext, name: string, index: number): readonly [KafkaError, string] {
  const topic = cluster.image.topics.get(name)
  if (topic === undefined) return [errors.UNKNOWN_TOPIC_OR_PARTITION, `No such topic as ${name}`]
  if (topic.partitionIds[index] === undefined) return [errors.UNKNOWN_TOPIC_OR_PARTITION, `No such partition as ${name}-${index}`]
  return [errors.ELECTION_NOT_NEEDED, 'Leader election not needed for topic partition.']
}
