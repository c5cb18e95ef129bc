import { AlterClientQuotasRequest, AlterClientQuotasResponse } from '../../wire/api/49-alter-client-quotas.ts'
import { handler } from '../handler.ts'

/** Quotas are recorded and described. They are not enforced yet. */
export const alterClientQuotas = handler({
  request: AlterClientQuotasRequest,
  response: AlterClientQuotasResponse,
  versions: [0, 1],
  async handle({ entries, validateOnly }, { controller }) {
    const requested = entries.map(({ entity, ops }) => ({ entity, changes: ops }))
    const results = await controller.request({ type: 'alterClientQuotas', entries: requested, validateOnly })
    return {
      throttleTimeMs: 0,
      entries: results.map(({ entity, error, message }) => ({ errorCode: error.code, errorMessage: message, entity: [...entity] })),
    }
  },
})
