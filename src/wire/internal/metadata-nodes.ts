import type { Wire } from '../schema.ts'
import { array, arrayOf, bool, int8, int16, int32, int64, message, string, uint16, uuid } from '../schema.ts'

/**
 * Records of KRaft's metadata log: nodes and features.
 *
 * Each is an unsigned varint of the frame version, 1, one of the record type (the table's `key`), one of its version, and the fields.
 */

/** A broker has registered. Its epoch is the offset of this record. */
export const RegisterBrokerRecord = message(
  'RegisterBrokerRecord',
  { key: 0, versions: '0-4', flexible: '0+' },
  {
    brokerId: int32(),
    isMigratingZkBroker: bool({ versions: '2+' }),
    incarnationId: uuid(),
    brokerEpoch: int64(),
    endPoints: array({
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
    fenced: bool({ default: true }),
    inControlledShutdown: bool({ versions: '1+' }),
    logDirs: arrayOf(uuid(), { versions: '3+', tag: 0 }),
    cordonedLogDirs: arrayOf(uuid(), { versions: '4+', tag: 1, nullable: '4+', default: null }),
  },
)
export type RegisterBrokerRecord = Wire<typeof RegisterBrokerRecord>

/** A broker is unregistered. */
export const UnregisterBrokerRecord = message(
  'UnregisterBrokerRecord',
  { key: 1, versions: '0', flexible: '0+' },
  {
    brokerId: int32(),
    brokerEpoch: int64(),
  },
)
export type UnregisterBrokerRecord = Wire<typeof UnregisterBrokerRecord>

/** A broker is fenced: it cannot lead. */
export const FenceBrokerRecord = message(
  'FenceBrokerRecord',
  { key: 7, versions: '0', flexible: '0+' },
  {
    id: int32(),
    epoch: int64(),
  },
)
export type FenceBrokerRecord = Wire<typeof FenceBrokerRecord>

/** A broker is unfenced: it can lead. */
export const UnfenceBrokerRecord = message(
  'UnfenceBrokerRecord',
  { key: 8, versions: '0', flexible: '0+' },
  {
    id: int32(),
    epoch: int64(),
  },
)
export type UnfenceBrokerRecord = Wire<typeof UnfenceBrokerRecord>

/** Changes of a broker: fencing, controlled shutdown, directories. */
export const BrokerRegistrationChangeRecord = message(
  'BrokerRegistrationChangeRecord',
  { key: 17, versions: '0-3', flexible: '0+' },
  {
    brokerId: int32(),
    brokerEpoch: int64(),
    fenced: int8({ tag: 0 }),
    inControlledShutdown: int8({ versions: '1+', tag: 1 }),
    logDirs: arrayOf(uuid(), { versions: '2+', tag: 2 }),
    cordonedLogDirs: arrayOf(uuid(), { versions: '3+', tag: 3, nullable: '3+', default: null }),
  },
)
export type BrokerRegistrationChangeRecord = Wire<typeof BrokerRegistrationChangeRecord>

/** A controller has registered. */
export const RegisterControllerRecord = message(
  'RegisterControllerRecord',
  { key: 27, versions: '0', flexible: '0+' },
  {
    controllerId: int32(),
    incarnationId: uuid(),
    zkMigrationReady: bool(),
    endPoints: array({
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
export type RegisterControllerRecord = Wire<typeof RegisterControllerRecord>

/** The finalized level of a feature. */
export const FeatureLevelRecord = message(
  'FeatureLevelRecord',
  { key: 12, versions: '0', flexible: '0+' },
  {
    name: string(),
    featureLevel: int16(),
  },
)
export type FeatureLevelRecord = Wire<typeof FeatureLevelRecord>

/** State of the migration from ZooKeeper. Only in old logs. */
export const ZkMigrationStateRecord = message(
  'ZkMigrationStateRecord',
  { key: 21, versions: '0', flexible: '0+' },
  {
    zkMigrationState: int8(),
  },
)
export type ZkMigrationStateRecord = Wire<typeof ZkMigrationStateRecord>
