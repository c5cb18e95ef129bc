import type { ControllerClient, ResourceAlteration } from '../controller/commands.ts'

/** Alters configs, and returns the result of each resource. */
export async function altered(controller: ControllerClient, resources: readonly ResourceAlteration[], validateOnly: boolean) {
  const results = await controller.request({ type: 'alterConfigs', resources, validateOnly })
  return {
    throttleTimeMs: 0,
    responses: resources.map(({ resourceType, name }, at) => {
      const { error, message } = results[at]!
      return { errorCode: error.code, errorMessage: message, resourceType, resourceName: name }
    }),
  }
}
