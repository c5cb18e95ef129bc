import { alterOperation } from '../../config/alterations.ts'
import { AlterConfigsRequest, AlterConfigsResponse } from '../../wire/api/33-alter-configs.ts'
import { altered } from '../altered.ts'
import { handler } from '../handler.ts'

/** Replaces all configs of a resource: the older API. */
export const alterConfigs = handler({
  request: AlterConfigsRequest,
  response: AlterConfigsResponse,
  versions: [0, 2],
  async handle({ resources, validateOnly }, { controller }) {
    const requested = resources.map(({ resourceType, resourceName, configs }) => ({
      resourceType,
      name: resourceName,
      replaces: true,
      changes: configs.map(({ name, value }) => ({ name, value, operation: alterOperation.set })),
    }))
    return altered(controller, requested, validateOnly)
  },
})
