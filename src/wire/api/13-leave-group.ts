import type { Wire } from '../schema.ts'
import { array, int16, int32, message, string } from '../schema.ts'

/**
 * LeaveGroup: leave a classic group.
 *
 *  v1  throttle time
 *  v3  several members in a request
 *  v4  flexible
 *  v5  the reason for leaving
 */
export const LeaveGroupRequest = message(
  'LeaveGroupRequest',
  { key: 13, versions: '0-5', flexible: '4+' },
  {
    groupId: string(),
    memberId: string({ versions: '0-2' }),
    members: array(
      {
        memberId: string(),
        groupInstanceId: string({ nullable: '3+', default: null }),
        reason: string({ versions: '5+', nullable: '5+', default: null, ignorable: true }),
      },
      { versions: '3+' },
    ),
  },
)
export type LeaveGroupRequest = Wire<typeof LeaveGroupRequest>

export const LeaveGroupResponse = message(
  'LeaveGroupResponse',
  { key: 13, versions: '0-5', flexible: '4+' },
  {
    throttleTimeMs: int32({ versions: '1+', ignorable: true }),
    errorCode: int16(),
    members: array(
      {
        memberId: string(),
        groupInstanceId: string({ nullable: '3+' }),
        errorCode: int16(),
      },
      { versions: '3+' },
    ),
  },
)
export type LeaveGroupResponse = Wire<typeof LeaveGroupResponse>
