import type { Wire } from '../schema.ts'
import { array, bytes, int16, int32, int64, message, string } from '../schema.ts'

/**
 * DescribeDelegationToken: the delegation tokens of owners.
 *
 *  v2  flexible
 *  v3  the requester of the token (KIP-373)
 */
export const DescribeDelegationTokenRequest = message(
  'DescribeDelegationTokenRequest',
  { key: 41, versions: '1-3', flexible: '2+' },
  {
    owners: array(
      {
        principalType: string(),
        principalName: string(),
      },
      { nullable: '0+' },
    ),
  },
)
export type DescribeDelegationTokenRequest = Wire<typeof DescribeDelegationTokenRequest>

export const DescribeDelegationTokenResponse = message(
  'DescribeDelegationTokenResponse',
  { key: 41, versions: '1-3', flexible: '2+' },
  {
    errorCode: int16(),
    tokens: array({
      principalType: string(),
      principalName: string(),
      tokenRequesterPrincipalType: string({ versions: '3+' }),
      tokenRequesterPrincipalName: string({ versions: '3+' }),
      issueTimestamp: int64(),
      expiryTimestamp: int64(),
      maxTimestamp: int64(),
      tokenId: string(),
      hmac: bytes(),
      renewers: array({
        principalType: string(),
        principalName: string(),
      }),
    }),
    throttleTimeMs: int32(),
  },
)
export type DescribeDelegationTokenResponse = Wire<typeof DescribeDelegationTokenResponse>
