import { resourceType } from '../../config/config-entry.ts'
import { ListConfigResourcesRequest, ListConfigResourcesResponse } from '../../wire/api/74-list-config-resources.ts'
import { errors } from '../../wire/errors.ts'
import type { RequestContext } from '../context.ts'
import { handler } from '../handler.ts'

const types: readonly number[] = Object.values(resourceType)

/** Resources that have configs, or may have. Version 0 lists client metrics only. */
export const listConfigResources = handler({
  request: ListConfigResourcesRequest,
  response: ListConfigResourcesResponse,
  versions: [0, 1],
  handle({ resourceTypes }, context) {
    const requested = context.version === 0 ? [resourceType.clientMetrics] : resourceTypes.length === 0 ? types : resourceTypes
    if (!requested.every((type) => types.includes(type))) {
      return { throttleTimeMs: 0, errorCode: errors.UNSUPPORTED_VERSION.code, configResources: [] }
    }
    const configResources = [...new Set(requested)].flatMap((type) =>
      namesOf(context, type).map((resourceName) => ({ resourceName, resourceType: type })),
    )
    return { throttleTimeMs: 0, errorCode: errors.NONE.code, configResources }
  },
})

function namesOf({ cluster }: RequestContext, type: number): readonly string[] {
  if (type === resourceType.topic) return [...cluster.image.topics.keys()]
  if (type === resourceType.broker || type === resourceType.brokerLogger) return [...cluster.image.brokers.keys()].map(String)
  return [...(cluster.image.configs.get(type)?.keys() ?? [])]
}
