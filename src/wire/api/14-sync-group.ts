import type { Wire } from '../schema.ts'
import { array, bytes, int16, int32, message, string } from '../schema.ts'

/**
 * SyncGroup: the leader of a classic group sends the assignment; every member receives its part.
 *
 *  v1  throttle time
 *  v3  static members
 *  v4  flexible
 *  v5  protocol type and name, to be checked
 */
export const SyncGroupRequest = message(
  'SyncGroupRequest',
  { key: 14, versions: '0-5', flexible: '4+' },
  {
    groupId: string(),
    generationId: int32(),
    memberId: string(),
    groupInstanceId: string({ versions: '3+', nullable: '3+', default: null }),
    protocolType: string({ versions: '5+', nullable: '5+', default: null, ignorable: true }),
    protocolName: string({ versions: '5+', nullable: '5+', default: null, ignorable: true }),
    assignments: array({
      memberId: string(),
      assignment: bytes(),
    }),
  },
)
export type SyncGroupRequest = Wire<typeof SyncGroupRequest>

export const SyncGroupResponse = message(
  'SyncGroupResponse',
  { key: 14, versions: '0-5', flexible: '4+' },
  {
    throttleTimeMs: int32({ versions: '1+', ignorable: true }),
    errorCode: int16(),
    protocolType: string({ versions: '5+', nullable: '5+', default: null, ignorable: true }),
    protocolName: string({ versions: '5+', nullable: '5+', default: null, ignorable: true }),
    assignment: bytes(),
  },
)
export type SyncGroupResponse = Wire<typeof SyncGroupResponse>
