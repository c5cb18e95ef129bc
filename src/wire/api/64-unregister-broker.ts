import type { Wire } from '../schema.ts'
import { int16, int32, message, string } from '../schema.ts'

/**
 * UnregisterBroker: remove a broker permanently.
 */
export const UnregisterBrokerRequest = message(
  'UnregisterBrokerRequest',
  { key: 64, versions: '0', flexible: '0+' },
  {
    brokerId: int32(),
  },
)
export type UnregisterBrokerRequest = Wire<typeof UnregisterBrokerRequest>

export const UnregisterBrokerResponse = message(
  'UnregisterBrokerResponse',
  { key: 64, versions: '0', flexible: '0+' },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: string({ nullable: '0+' }),
  },
)
export type UnregisterBrokerResponse = Wire<typeof UnregisterBrokerResponse>
