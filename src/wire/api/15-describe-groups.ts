import type { Wire } from '../schema.ts'
import { array, arrayOf, bool, bytes, int16, int32, message, string } from '../schema.ts'

/**
 * DescribeGroups: state and members of classic groups.
 *
 *  v1  throttle time
 *  v3  authorized operations
 *  v4  static members
 *  v5  flexible
 *  v6  GROUP_ID_NOT_FOUND and a message for groups that are not there (KIP-1043)
 */
export const DescribeGroupsRequest = message(
  'DescribeGroupsRequest',
  { key: 15, versions: '0-6', flexible: '5+' },
  {
    groups: arrayOf(string()),
    includeAuthorizedOperations: bool({ versions: '3+' }),
  },
)
export type DescribeGroupsRequest = Wire<typeof DescribeGroupsRequest>

export const DescribeGroupsResponse = message(
  'DescribeGroupsResponse',
  { key: 15, versions: '0-6', flexible: '5+' },
  {
    throttleTimeMs: int32({ versions: '1+', ignorable: true }),
    groups: array({
      errorCode: int16(),
      errorMessage: string({ versions: '6+', nullable: '6+', default: null }),
      groupId: string(),
      groupState: string(),
      protocolType: string(),
      protocolData: string(),
      members: array({
        memberId: string(),
        groupInstanceId: string({ versions: '4+', nullable: '4+', default: null, ignorable: true }),
        clientId: string(),
        clientHost: string(),
        memberMetadata: bytes(),
        memberAssignment: bytes(),
      }),
      authorizedOperations: int32({ versions: '3+', default: -2147483648 }),
    }),
  },
)
export type DescribeGroupsResponse = Wire<typeof DescribeGroupsResponse>
