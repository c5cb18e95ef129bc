import type { Wire } from '../schema.ts'
import { bool, message, string } from '../schema.ts'

/**
 * A principal that one broker sends to another in Envelope, behind an int16 version.
 */
export const DefaultPrincipalData = message(
  'DefaultPrincipalData',
  { versions: '0', flexible: '0+' },
  {
    type: string(),
    name: string(),
    tokenAuthenticated: bool(),
  },
)
export type DefaultPrincipalData = Wire<typeof DefaultPrincipalData>
