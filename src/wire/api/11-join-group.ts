import type { Wire } from '../schema.ts'
import { array, bool, bytes, int16, int32, message, string } from '../schema.ts'

/**
 * JoinGroup: join a classic group, and wait for the other members.
 *
 *  v1  rebalance timeout apart from the session timeout
 *  v2  throttle time
 *  v4  a first join gets MEMBER_ID_REQUIRED and an id for the second join (KIP-394)
 *  v5  static members (KIP-345)
 *  v6  flexible
 *  v7  protocol type and name in the response
 *  v8  the reason for joining (KIP-800)
 *  v9  the response may require the leader to skip the assignment (KIP-814)
 */
export const JoinGroupRequest = message(
  'JoinGroupRequest',
  { key: 11, versions: '0-9', flexible: '6+' },
  {
    groupId: string(),
    sessionTimeoutMs: int32(),
    rebalanceTimeoutMs: int32({ versions: '1+', default: -1, ignorable: true }),
    memberId: string(),
    groupInstanceId: string({ versions: '5+', nullable: '5+', default: null }),
    protocolType: string(),
    protocols: array({
      name: string(),
      metadata: bytes(),
    }),
    reason: string({ versions: '8+', nullable: '8+', default: null, ignorable: true }),
  },
)
export type JoinGroupRequest = Wire<typeof JoinGroupRequest>

export const JoinGroupResponse = message(
  'JoinGroupResponse',
  { key: 11, versions: '0-9', flexible: '6+' },
  {
    throttleTimeMs: int32({ versions: '2+', ignorable: true }),
    errorCode: int16(),
    generationId: int32({ default: -1 }),
    protocolType: string({ versions: '7+', nullable: '7+', default: null, ignorable: true }),
    protocolName: string({ nullable: '7+' }),
    leader: string(),
    skipAssignment: bool({ versions: '9+' }),
    memberId: string(),
    members: array({
      memberId: string(),
      groupInstanceId: string({ versions: '5+', nullable: '5+', default: null, ignorable: true }),
      metadata: bytes(),
    }),
  },
)
export type JoinGroupResponse = Wire<typeof JoinGroupResponse>
