import type { Wire } from '../schema.ts'
import { array, bool, int8, int16, int32, message, string } from '../schema.ts'

/**
 * AlterConfigs: replace all configs of a resource. Configs that are not in the request return to their defaults.
 *
 *  v2  flexible
 */
export const AlterConfigsRequest = message(
  'AlterConfigsRequest',
  { key: 33, versions: '0-2', flexible: '2+' },
  {
    resources: array({
      resourceType: int8(),
      resourceName: string(),
      configs: array({
        name: string(),
        value: string({ nullable: '0+' }),
      }),
    }),
    validateOnly: bool(),
  },
)
export type AlterConfigsRequest = Wire<typeof AlterConfigsRequest>

export const AlterConfigsResponse = message(
  'AlterConfigsResponse',
  { key: 33, versions: '0-2', flexible: '2+' },
  {
    throttleTimeMs: int32(),
    responses: array({
      errorCode: int16(),
      errorMessage: string({ nullable: '0+' }),
      resourceType: int8(),
      resourceName: string(),
    }),
  },
)
export type AlterConfigsResponse = Wire<typeof AlterConfigsResponse>
