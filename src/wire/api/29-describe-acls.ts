import type { Wire } from '../schema.ts'
import { array, int8, int16, int32, message, string } from '../schema.ts'

/**
 * DescribeAcls: the access rules that match a filter.
 *
 *  v1  prefixed resource patterns
 *  v2  flexible
 */
export const DescribeAclsRequest = message(
  'DescribeAclsRequest',
  { key: 29, versions: '1-3', flexible: '2+' },
  {
    resourceTypeFilter: int8(),
    resourceNameFilter: string({ nullable: '0+' }),
    patternTypeFilter: int8({ default: 3 }),
    principalFilter: string({ nullable: '0+' }),
    hostFilter: string({ nullable: '0+' }),
    operation: int8(),
    permissionType: int8(),
  },
)
export type DescribeAclsRequest = Wire<typeof DescribeAclsRequest>

export const DescribeAclsResponse = message(
  'DescribeAclsResponse',
  { key: 29, versions: '1-3', flexible: '2+' },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: string({ nullable: '0+' }),
    resources: array({
      resourceType: int8(),
      resourceName: string(),
      patternType: int8({ default: 3 }),
      acls: array({
        principal: string(),
        host: string(),
        operation: int8(),
        permissionType: int8(),
      }),
    }),
  },
)
export type DescribeAclsResponse = Wire<typeof DescribeAclsResponse>
