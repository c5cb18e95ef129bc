import type { Wire } from '../schema.ts'
import { bool, bytes, int8, int16, int32, message, uuid } from '../schema.ts'

/**
 * PushTelemetry: metrics of a client (KIP-714).
 */
export const PushTelemetryRequest = message(
  'PushTelemetryRequest',
  { key: 72, versions: '0', flexible: '0+' },
  {
    clientInstanceId: uuid(),
    subscriptionId: int32(),
    terminating: bool(),
    compressionType: int8(),
    metrics: bytes(),
  },
)
export type PushTelemetryRequest = Wire<typeof PushTelemetryRequest>

export const PushTelemetryResponse = message(
  'PushTelemetryResponse',
  { key: 72, versions: '0', flexible: '0+' },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
  },
)
export type PushTelemetryResponse = Wire<typeof PushTelemetryResponse>
