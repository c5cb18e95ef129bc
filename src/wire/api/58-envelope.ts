import type { Wire } from '../schema.ts'
import { bytes, int16, message } from '../schema.ts'

/**
 * Envelope: a broker forwards the request of a client, with its principal and address, to the controller.
 */
export const EnvelopeRequest = message(
  'EnvelopeRequest',
  { key: 58, versions: '0', flexible: '0+' },
  {
    requestData: bytes(),
    requestPrincipal: bytes({ nullable: '0+' }),
    clientHostAddress: bytes(),
  },
)
export type EnvelopeRequest = Wire<typeof EnvelopeRequest>

export const EnvelopeResponse = message(
  'EnvelopeResponse',
  { key: 58, versions: '0', flexible: '0+' },
  {
    responseData: bytes({ nullable: '0+', default: null }),
    errorCode: int16(),
  },
)
export type EnvelopeResponse = Wire<typeof EnvelopeResponse>
