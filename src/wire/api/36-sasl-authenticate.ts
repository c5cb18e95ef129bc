import type { Wire } from '../schema.ts'
import { bytes, int16, int64, message, string } from '../schema.ts'

/**
 * SaslAuthenticate: one step of a SASL exchange.
 *
 *  v1  how long the session may last, after which the client authenticates again (KIP-368)
 *  v2  flexible
 */
export const SaslAuthenticateRequest = message(
  'SaslAuthenticateRequest',
  { key: 36, versions: '0-2', flexible: '2+' },
  {
    authBytes: bytes(),
  },
)
export type SaslAuthenticateRequest = Wire<typeof SaslAuthenticateRequest>

export const SaslAuthenticateResponse = message(
  'SaslAuthenticateResponse',
  { key: 36, versions: '0-2', flexible: '2+' },
  {
    errorCode: int16(),
    errorMessage: string({ nullable: '0+' }),
    authBytes: bytes(),
    sessionLifetimeMs: int64({ versions: '1+', ignorable: true }),
  },
)
export type SaslAuthenticateResponse = Wire<typeof SaslAuthenticateResponse>
