import { alterOperation } from '../config/alterations.ts'
import { AlterConfigsRequest, AlterConfigsResponse } from '../wire/api/33-alter-configs.ts'
import { handler } from './handler.ts'

/** Puts new configs in place of all that a resource had: the older of the two ways. */
export const alterConfigs = handler({
  request: AlterConfigsRequest,
  response: AlterConfigsResponse,
  versions: [0, 2],
  async handle({ resources, validateOnly }, { controller }) {
    const asked = resources.map(({ resourceType, resourceName, configs }) => ({
      resourceType,
      name: resourceName,
      replaces: true,
      changes: configs.map(({ name, value }) => ({ name, value, operation: alterOperation.set })),
    }))
    const verdicts = await controller.ask({ type: 'alterConfigs', resources: asked, validateOnly })
    return {
      throttleTimeMs: 0,
      responses: resources.map(({ resourceType, resourceName }, at) => {
        const { error, message } = verdicts[at]!
        return { errorCode: error.code, errorMessage: message, resourceType, resourceName }
      }),
    }
  },
})
