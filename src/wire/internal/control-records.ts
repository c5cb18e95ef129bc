import type { Wire } from '../schema.ts'
import { array, int16, int32, int64, message, string, struct, uint16, uuid } from '../schema.ts'

/**
 * Records of control batches, which consumers do not return: ends of transactions, and records of Raft in its own log.
 */

/** The key of every control record, behind an int16 version. */
export const ControlRecordTypeSchema = message(
  'ControlRecordTypeSchema',
  { versions: '0', flexible: 'none' },
  {
    type: int16({ about: '0 abort, 1 commit, 2 leader change, 3 snapshot header, 4 snapshot footer, 5 kraft version, 6 kraft voters' }),
  },
)
export type ControlRecordTypeSchema = Wire<typeof ControlRecordTypeSchema>

/** The value of a commit or abort, behind an int16 version. */
export const EndTxnMarker = message(
  'EndTxnMarker',
  { versions: '0', flexible: 'none' },
  {
    coordinatorEpoch: int32({ about: 'fences markers of earlier coordinators' }),
  },
)
export type EndTxnMarker = Wire<typeof EndTxnMarker>

const voter = {
  voterId: int32(),
  voterDirectoryId: uuid({ versions: '1+' }),
}

/** The first record of an epoch of the Raft log: the leader and the voters. */
export const LeaderChangeMessage = message(
  'LeaderChangeMessage',
  { versions: '0-1', flexible: '0+' },
  {
    version: int16(),
    leaderId: int32(),
    voters: array(voter),
    grantingVoters: array(voter),
  },
)
export type LeaderChangeMessage = Wire<typeof LeaderChangeMessage>

/** The first record of a snapshot. */
export const SnapshotHeaderRecord = message(
  'SnapshotHeaderRecord',
  { versions: '0', flexible: '0+' },
  {
    version: int16(),
    lastContainedLogTimestamp: int64(),
  },
)
export type SnapshotHeaderRecord = Wire<typeof SnapshotHeaderRecord>

/** The last record of a snapshot: without it the snapshot is incomplete. */
export const SnapshotFooterRecord = message(
  'SnapshotFooterRecord',
  { versions: '0', flexible: '0+' },
  {
    version: int16(),
  },
)
export type SnapshotFooterRecord = Wire<typeof SnapshotFooterRecord>

/** The version of the Raft protocol from this record on. */
export const KRaftVersionRecord = message(
  'KRaftVersionRecord',
  { versions: '0', flexible: '0+' },
  {
    version: int16(),
    kRaftVersion: int16(),
  },
)
export type KRaftVersionRecord = Wire<typeof KRaftVersionRecord>

/** The voter set from this record on, even before it is committed. */
export const VotersRecord = message(
  'VotersRecord',
  { versions: '0', flexible: '0+' },
  {
    version: int16(),
    voters: array({
      voterId: int32(),
      voterDirectoryId: uuid(),
      endpoints: array({
        name: string(),
        host: string(),
        port: uint16(),
      }),
      kRaftVersionFeature: struct({
        minSupportedVersion: int16(),
        maxSupportedVersion: int16(),
      }),
    }),
  },
)
export type VotersRecord = Wire<typeof VotersRecord>
