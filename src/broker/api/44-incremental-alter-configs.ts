import { IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse } from '../../wire/api/44-incremental-alter-configs.ts'
import { altered } from '../altered.ts'
import { handler } from '../handler.ts'

/** Changes single configs, and single items of lists. */
export const incrementalAlterConfigs = handler({
  request: IncrementalAlterConfigsRequest,
  response: IncrementalAlterConfigsResponse,
  versions: [0, 1],
  async handle({ resources, validateOnly }, { controller }) {
    const requested = resources.map(({ resourceType, resourceName, configs }) => ({
      resourceType,
      name: resourceName,
      replaces: false,
      changes: configs.map(({ name, value, configOperation }) => ({ name, value, operation: configOperation })),
    }))
    return altered(controller, requested, validateOnly)
  },
})
