import { CreatePartitionsRequest, CreatePartitionsResponse } from '../../wire/api/37-create-partitions.ts'
import { handler } from '../handler.ts'

export const createPartitions = handler({
  request: CreatePartitionsRequest,
  response: CreatePartitionsResponse,
  versions: [0, 3],
  async handle({ topics, validateOnly }, { controller }) {
    const asked = topics.map(({ name, count, assignments }) => ({
      name,
      count,
      assignments: assignments?.map(({ brokerIds }) => brokerIds) ?? null,
    }))
    const verdicts = await controller.request({ type: 'createPartitions', topics: asked, validateOnly })
    return {
      throttleTimeMs: 0,
      results: verdicts.map(({ name, error, message }) => ({ name, errorCode: error.code, errorMessage: message })),
    }
  },
})
