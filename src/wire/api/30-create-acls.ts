import type { Wire } from '../schema.ts'
import { array, int8, int16, int32, message, string } from '../schema.ts'

/**
 * CreateAcls: add access rules.
 *
 *  v1  prefixed resource patterns
 *  v2  flexible
 */
export const CreateAclsRequest = message(
  'CreateAclsRequest',
  { key: 30, versions: '1-3', flexible: '2+' },
  {
    creations: array({
      resourceType: int8(),
      resourceName: string(),
      resourcePatternType: int8({ default: 3 }),
      principal: string(),
      host: string(),
      operation: int8(),
      permissionType: int8(),
    }),
  },
)
export type CreateAclsRequest = Wire<typeof CreateAclsRequest>

export const CreateAclsResponse = message(
  'CreateAclsResponse',
  { key: 30, versions: '1-3', flexible: '2+' },
  {
    throttleTimeMs: int32(),
    results: array({
      errorCode: int16(),
      errorMessage: string({ nullable: '0+' }),
    }),
  },
)
export type CreateAclsResponse = Wire<typeof CreateAclsResponse>
