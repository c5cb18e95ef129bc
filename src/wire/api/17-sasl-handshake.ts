import type { Wire } from '../schema.ts'
import { arrayOf, int16, message, string } from '../schema.ts'

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
