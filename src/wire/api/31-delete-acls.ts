import type { Wire } from '../schema.ts'
import { array, int8, int16, int32, message, string } from '../schema.ts'

/**
 * DeleteAcls: remove the access rules that match filters.
 *
 *  v1  prefixed resource patterns
 *  v2  flexible
 */
export const DeleteAclsRequest = message(
  'DeleteAclsRequest',
  { key: 31, versions: '1-3', flexible: '2+' },
  {
    filters: array({
      resourceTypeFilter: int8(),
      resourceNameFilter: string({ nullable: '0+' }),
      patternTypeFilter: int8({ default: 3 }),
      principalFilter: string({ nullable: '0+' }),
      hostFilter: string({ nullable: '0+' }),
      operation: int8(),
      permissionType: int8(),
    }),
  },
)
export type DeleteAclsRequest = Wire<typeof DeleteAclsRequest>

export const DeleteAclsResponse = message(
  'DeleteAclsResponse',
  { key: 31, versions: '1-3', flexible: '2+' },
  {
    throttleTimeMs: int32(),
    filterResults: array({
      errorCode: int16(),
      errorMessage: string({ nullable: '0+' }),
      matchingAcls: array({
        errorCode: int16(),
        errorMessage: string({ nullable: '0+' }),
        resourceType: int8(),
        resourceName: string(),
        patternType: int8({ default: 3 }),
        principal: string(),
        host: string(),
        operation: int8(),
        permissionType: int8(),
      }),
    }),
  },
)
export type DeleteAclsResponse = Wire<typeof DeleteAclsResponse>
