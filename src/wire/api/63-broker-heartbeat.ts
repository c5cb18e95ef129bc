import type { Wire } from '../schema.ts'
import { arrayOf, bool, int16, int32, int64, message, uuid } from '../schema.ts'

/**
 * BrokerHeartbeat: a broker is alive; the response states whether it is fenced and whether it may stop.
 *
 *  v1  directories that went offline
 *  v2  directories that are cordoned
 */
export const BrokerHeartbeatRequest = message(
  'BrokerHeartbeatRequest',
  { key: 63, versions: '0-2', flexible: '0+' },
  {
    brokerId: int32(),
    brokerEpoch: int64({ default: -1n }),
    currentMetadataOffset: int64(),
    wantFence: bool(),
    wantShutDown: bool(),
    offlineLogDirs: arrayOf(uuid(), { versions: '1+', tag: 0 }),
    cordonedLogDirs: arrayOf(uuid(), { versions: '2+', tag: 1, nullable: '2+', default: null }),
  },
)
export type BrokerHeartbeatRequest = Wire<typeof BrokerHeartbeatRequest>

export const BrokerHeartbeatResponse = message(
  'BrokerHeartbeatResponse',
  { key: 63, versions: '0-2', flexible: '0+' },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    isCaughtUp: bool(),
    isFenced: bool({ default: true }),
    shouldShutDown: bool(),
  },
)
export type BrokerHeartbeatResponse = Wire<typeof BrokerHeartbeatResponse>
