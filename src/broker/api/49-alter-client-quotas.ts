import { AlterClientQuotasRequest, AlterClientQuotasResponse } from '../../wire/api/49-alter-client-quotas.ts'
import { handler } from '../handler.ts'

/** Quotas are recorded and described. They are not enforced yet. */
export const alterClientQuotas = handler({
  request: AlterClientQuotasRequest,
  response: AlterClientQuotasResponse,
  versions: [0, 1],
  async handle({ entries, validateOnly }, { controller }) {
    const asked = entries.map(({ entity, ops }) => ({ entity, changes: ops }))
    const verdicts = await controller.request({ type: 'alterClientQuotas', entries: asked, validateOnly })
    return {
      throttleTimeMs: 0,
      entries: verdicts.map(({ entity, error, message }) => ({ errorCode: error.code, errorMessage: message, entity: [...entity] })),
    }
  },
})
