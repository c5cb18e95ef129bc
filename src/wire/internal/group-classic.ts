import type { Wire } from '../schema.ts'
import { array, bytes, int32, int64, message, string, uuid } from '../schema.ts'

/**
 * Records of `__consumer_offsets`: committed offsets and classic groups.
 *
 * A key is an int16 record type (the table's `key`) and the fields; a value is an int16 version and the fields. No value is a tombstone.
 */

/** A committed offset, in the format of the first versions; read only from old logs. */
export const LegacyOffsetCommitKey = message(
  'LegacyOffsetCommitKey',
  { key: 0, versions: '0', flexible: 'none' },
  {
    group: string(),
    topic: string(),
    partition: int32(),
  },
)
export type LegacyOffsetCommitKey = Wire<typeof LegacyOffsetCommitKey>

export const LegacyOffsetCommitValue = message(
  'LegacyOffsetCommitValue',
  { key: 0, versions: '0', flexible: 'none' },
  {
    offset: int64(),
    metadata: string(),
    commitTimestamp: int64(),
  },
)
export type LegacyOffsetCommitValue = Wire<typeof LegacyOffsetCommitValue>

/** A committed offset. */
export const OffsetCommitKey = message(
  'OffsetCommitKey',
  { key: 1, versions: '0', flexible: 'none' },
  {
    group: string(),
    topic: string(),
    partition: int32(),
  },
)
export type OffsetCommitKey = Wire<typeof OffsetCommitKey>

export const OffsetCommitValue = message(
  'OffsetCommitValue',
  { key: 1, versions: '0-4', flexible: '4+' },
  {
    offset: int64(),
    leaderEpoch: int32({ versions: '3+', default: -1, ignorable: true }),
    metadata: string(),
    commitTimestamp: int64(),
    expireTimestamp: int64({ versions: '1', default: -1n, ignorable: true }),
    topicId: uuid({ versions: '4+', tag: 0, ignorable: true }),
  },
)
export type OffsetCommitValue = Wire<typeof OffsetCommitValue>

/** A classic group: generation, leader and members. */
export const GroupMetadataKey = message(
  'GroupMetadataKey',
  { key: 2, versions: '0', flexible: 'none' },
  {
    group: string(),
  },
)
export type GroupMetadataKey = Wire<typeof GroupMetadataKey>

const memberMetadata = {
  memberId: string(),
  groupInstanceId: string({ versions: '3+', nullable: '3+', default: null, ignorable: true }),
  clientId: string(),
  clientHost: string(),
  rebalanceTimeout: int32({ versions: '1+', default: -1, ignorable: true }),
  sessionTimeout: int32(),
  subscription: bytes(),
  assignment: bytes(),
}

export const GroupMetadataValue = message(
  'GroupMetadataValue',
  { key: 2, versions: '0-4', flexible: '4+' },
  {
    protocolType: string(),
    generation: int32(),
    protocol: string({ nullable: '0+' }),
    leader: string({ nullable: '0+' }),
    currentStateTimestamp: int64({ versions: '2+', default: -1n, ignorable: true }),
    members: array(memberMetadata),
  },
)
export type GroupMetadataValue = Wire<typeof GroupMetadataValue>
