import { CreatePartitionsRequest, CreatePartitionsResponse } from '../../wire/api/37-create-partitions.ts'
import { handler } from '../handler.ts'

export const createPartitions = handler({
  request: CreatePartitionsRequest,
  response: CreatePartitionsResponse,
  versions: [0, 3],
  async handle({ topics, validateOnly }, { controller }) {
    const requested = topics.map(({ name, count, assignments }) => ({
      name,
      count,
      assignments: assignments?.map(({ brokerIds }) => brokerIds) ?? null,
    }))
    const results = await controller.request({ type: 'createPartitions', topics: requested, validateOnly })
    return {
      throttleTimeMs: 0,
      results: results.map(({ name, error, message }) => ({ name, errorCode: error.code, errorMessage: message })),
    }
  },
})
