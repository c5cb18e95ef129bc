import type { Wire } from '../schema.ts'
import { bytes, int16, int32, int64, message } from '../schema.ts'

/**
 * RenewDelegationToken: extend the lifetime of a delegation token.
 *
 *  v2  flexible
 */
export const RenewDelegationTokenRequest = message(
  'RenewDelegationTokenRequest',
  { key: 39, versions: '1-2', flexible: '2+' },
  {
    hmac: bytes(),
    renewPeriodMs: int64(),
  },
)
export type RenewDelegationTokenRequest = Wire<typeof RenewDelegationTokenRequest>

export const RenewDelegationTokenResponse = message(
  'RenewDelegationTokenResponse',
  { key: 39, versions: '1-2', flexible: '2+' },
  {
    errorCode: int16(),
    expiryTimestampMs: int64(),
    throttleTimeMs: int32(),
  },
)
export type RenewDelegationTokenResponse = Wire<typeof RenewDelegationTokenResponse>
