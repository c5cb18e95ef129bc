import type { Wire } from '../schema.ts'
import { arrayOf, bool, int8, int16, int32, message, string, uuid } from '../schema.ts'

/**
 * GetTelemetrySubscriptions: the metrics that a client must send, and the interval (KIP-714).
 */
export const GetTelemetrySubscriptionsRequest = message(
  'GetTelemetrySubscriptionsRequest',
  { key: 71, versions: '0', flexible: '0+' },
  {
    clientInstanceId: uuid(),
  },
)
export type GetTelemetrySubscriptionsRequest = Wire<typeof GetTelemetrySubscriptionsRequest>

export const GetTelemetrySubscriptionsResponse = message(
  'GetTelemetrySubscriptionsResponse',
  { key: 71, versions: '0', flexible: '0+' },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    clientInstanceId: uuid(),
    subscriptionId: int32(),
    acceptedCompressionTypes: arrayOf(int8()),
    pushIntervalMs: int32(),
    telemetryMaxBytes: int32(),
    deltaTemporality: bool(),
    requestedMetrics: arrayOf(string()),
  },
)
export type GetTelemetrySubscriptionsResponse = Wire<typeof GetTelemetrySubscriptionsResponse>
