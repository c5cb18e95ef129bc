import type { Wire } from '../schema.ts'
import { arrayOf, int16, message, string } from '../schema.ts'

/**
 * SaslHandshake: choose a SASL mechanism.
 *
 *  v1  tokens follow in SaslAuthenticate; after v0 they follow bare
 *
 * Never flexible.
 */
export const SaslHandshakeRequest = message(
  'SaslHandshakeRequest',
  { key: 17, versions: '0-1', flexible: 'none' },
  {
    mechanism: string(),
  },
)
export type SaslHandshakeRequest = Wire<typeof SaslHandshakeRequest>

export const SaslHandshakeResponse = message(
  'SaslHandshakeResponse',
  { key: 17, versions: '0-1', flexible: 'none' },
  {
    errorCode: int16(),
    mechanisms: arrayOf(string()),
  },
)
export type SaslHandshakeResponse = Wire<typeof SaslHandshakeResponse>
