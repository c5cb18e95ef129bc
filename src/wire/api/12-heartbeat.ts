import type { Wire } from '../schema.ts'
import { int16, int32, message, string } from '../schema.ts'

/**
 * Heartbeat: a member of a classic group is alive.
 *
 *  v1  throttle time
 *  v3  static members
 *  v4  flexible
 */
export const HeartbeatRequest = message(
  'HeartbeatRequest',
  { key: 12, versions: '0-4', flexible: '4+' },
  {
    groupId: string(),
    generationId: int32(),
    memberId: string(),
    groupInstanceId: string({ versions: '3+', nullable: '3+', default: null }),
  },
)
export type HeartbeatRequest = Wire<typeof HeartbeatRequest>

export const HeartbeatResponse = message(
  'HeartbeatResponse',
  { key: 12, versions: '0-4', flexible: '4+' },
  {
    throttleTimeMs: int32({ versions: '1+', ignorable: true }),
    errorCode: int16(),
  },
)
export type HeartbeatResponse = Wire<typeof HeartbeatResponse>
