import type { Wire } from '../schema.ts'
import { array, arrayOf, bool, int16, int32, int64, message, string, uint16, uuid } from '../schema.ts'

/**
 * BrokerRegistration: a broker registers its addresses and features with the controller.
 *
 *  v1  migration from ZooKeeper
 *  v2  log directories (KIP-858)
 *  v3  the epoch before a clean shutdown (KIP-966)
 *  v4  features whose lowest version is 0
 */
export const BrokerRegistrationRequest = message(
  'BrokerRegistrationRequest',
  { key: 62, versions: '0-4', flexible: '0+' },
  {
    brokerId: int32(),
    clusterId: string(),
    incarnationId: uuid(),
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
    rack: string({ nullable: '0+' }),
    isMigratingZkBroker: bool({ versions: '1+' }),
    logDirs: arrayOf(uuid(), { versions: '2+', ignorable: true }),
    previousBrokerEpoch: int64({ versions: '3+', default: -1n, ignorable: true }),
  },
)
export type BrokerRegistrationRequest = Wire<typeof BrokerRegistrationRequest>

export const BrokerRegistrationResponse = message(
  'BrokerRegistrationResponse',
  { key: 62, versions: '0-4', flexible: '0+' },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    brokerEpoch: int64({ default: -1n }),
  },
)
export type BrokerRegistrationResponse = Wire<typeof BrokerRegistrationResponse>
