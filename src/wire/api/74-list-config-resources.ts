import type { Wire } from '../schema.ts'
import { array, arrayOf, int8, int16, int32, message, string } from '../schema.ts'

/**
 * ListConfigResources: the resources that have configs.
 *
 *  v1  filter by type; v0 lists client metrics alone
 */
export const ListConfigResourcesRequest = message(
  'ListConfigResourcesRequest',
  { key: 74, versions: '0-1', flexible: '0+' },
  {
    resourceTypes: arrayOf(int8(), { versions: '1+' }),
  },
)
export type ListConfigResourcesRequest = Wire<typeof ListConfigResourcesRequest>

export const ListConfigResourcesResponse = message(
  'ListConfigResourcesResponse',
  { key: 74, versions: '0-1', flexible: '0+' },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    configResources: array({
      resourceName: string(),
      resourceType: int8({ versions: '1+', default: 16, ignorable: true }),
    }),
  },
)
export type ListConfigResourcesResponse = Wire<typeof ListConfigResourcesResponse>
