import type { Controller } from '../controller/controller.ts'
import type { ResourceAlteration } from '../controller/messages.ts'

/** Alters configs, and returns the result of each resource. */
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
