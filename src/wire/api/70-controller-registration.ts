import type { Wire } from '../schema.ts'
import { array, bool, int16, int32, message, string, uint16, uuid } from '../schema.ts'

/**
 * ControllerRegistration: a controller registers its addresses and features with the active one.
 */
export const ControllerRegistrationRequest = message(
  'ControllerRegistrationRequest',
  { key: 70, versions: '0', flexible: '0+' },
  {
    controllerId: int32(),
    incarnationId: uuid(),
    zkMigrationReady: bool(),
    listeners: array({
      name: string(),
      host: string(),
      port: uint16(),
      securityProtocol: int16(),
    }),
    features: array({
      name: string(),
      minSupportedVersion: int16(),
      maxSupportedVersion: int16(),
    }),
  },
)
export type ControllerRegistrationRequest = Wire<typeof ControllerRegistrationRequest>

export const ControllerRegistrationResponse = message(
  'ControllerRegistrationResponse',
  { key: 70, versions: '0', flexible: '0+' },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: string({ nullable: '0+' }),
  },
)
export type ControllerRegistrationResponse = Wire<typeof ControllerRegistrationResponse>
