import { CreateTopicsRequest, CreateTopicsResponse } from '../../wire/api/19-create-topics.ts'
import { handler } from '../handler.ts'
import { newTopicId } from '../topic-ids.ts'

export const createTopics = handler({
  request: CreateTopicsRequest,
  response: CreateTopicsResponse,
  versions: [2, 7],
  async handle({ topics, validateOnly }, { controller, entropy }) {
    const requested = topics.map(({ name, numPartitions, replicationFactor, assignments, configs }) => ({
      name,
      topicId: newTopicId(entropy),
      partitions: numPartitions,
      replicationFactor,
      assignments: assignments.map(({ partitionIndex, brokerIds }) => ({ partition: partitionIndex, brokers: brokerIds })),
      configs,
    }))
    const created = await controller.request({ type: 'createTopics', topics: requested, validateOnly })
    return {
      throttleTimeMs: 0,
      topics: created.map(({ name, topicId, error, message, partitions, replicationFactor, configs }) => ({
        name,
        topicId,
        errorCode: error.code,
        errorMessage: message,
        topicConfigErrorCode: 0,
        numPartitions: partitions,
        replicationFactor,
        configs: configs.map((config) => ({
          name: config.name,
          value: config.value,
          readOnly: false,
          configSource: config.source,
          isSensitive: false,
        })),
      })),
    }
  },
})
