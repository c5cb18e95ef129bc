import type { Controller } from '../controller/controller.ts'
import type { ResourceAlteration } from '../controller/messages.ts'

/** Has configs altered, and tells of each resource what came of it. */
export async function altered(controller: Controller, resources: readonly ResourceAlteration[], validateOnly: boolean) {
  const verdicts = await controller.ask({ type: 'alterConfigs', resources, validateOnly })
  return {
    throttleTimeMs: 0,
    responses: resources.map(({ resourceType, name }, at) => {
      const { error, message } = verdicts[at]!
      return { errorCode: error.code, errorMessage: message, resourceType, resourceName: name }
    }),
  }
}
