import type { Wire } from '../schema.ts'
import { array, bytes, int16, int32, int64, message, string } from '../schema.ts'

/**
 * CreateDelegationToken: create a token with which other clients can authenticate.
 *
 *  v2  flexible
 *  v3  on behalf of another owner (KIP-373)
 */
export const CreateDelegationTokenRequest = message(
  'CreateDelegationTokenRequest',
  { key: 38, versions: '1-3', flexible: '2+' },
  {
    ownerPrincipalType: string({ versions: '3+', nullable: '3+' }),
    ownerPrincipalName: string({ versions: '3+', nullable: '3+' }),
    renewers: array({
      principalType: string(),
      principalName: string(),
    }),
    maxLifetimeMs: int64(),
  },
)
export type CreateDelegationTokenRequest = Wire<typeof CreateDelegationTokenRequest>

export const CreateDelegationTokenResponse = message(
  'CreateDelegationTokenResponse',
  { key: 38, versions: '1-3', flexible: '2+' },
  {
    errorCode: int16(),
    principalType: string(),
    principalName: string(),
    tokenRequesterPrincipalType: string({ versions: '3+' }),
    tokenRequesterPrincipalName: string({ versions: '3+' }),
    issueTimestampMs: int64(),
    expiryTimestampMs: int64(),
    maxTimestampMs: int64(),
    tokenId: string(),
    hmac: bytes(),
    throttleTimeMs: int32(),
  },
)
export type CreateDelegationTokenResponse = Wire<typeof CreateDelegationTokenResponse>
