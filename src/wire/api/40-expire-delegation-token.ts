import type { Wire } from '../schema.ts'
import { bytes, int16, int32, int64, message } from '../schema.ts'

/**
 * ExpireDelegationToken: shorten the lifetime of a delegation token.
 *
 *  v2  flexible
 */
export const ExpireDelegationTokenRequest = message(
  'ExpireDelegationTokenRequest',
  { key: 40, versions: '1-2', flexible: '2+' },
  {
    hmac: bytes(),
    expiryTimePeriodMs: int64(),
  },
)
export type ExpireDelegationTokenRequest = Wire<typeof ExpireDelegationTokenRequest>

export const ExpireDelegationTokenResponse = message(
  'ExpireDelegationTokenResponse',
  { key: 40, versions: '1-2', flexible: '2+' },
  {
    errorCode: int16(),
    expiryTimestampMs: int64(),
    throttleTimeMs: int32(),
  },
)
export type ExpireDelegationTokenResponse = Wire<typeof ExpireDelegationTokenResponse>
