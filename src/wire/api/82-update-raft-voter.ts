import type { Wire } from '../schema.ts'
import { array, int16, int32, message, string, struct, uint16, uuid } from '../schema.ts'

/**
 * UpdateRaftVoter: a voter sends the leader its endpoints and supported kraft.version (KIP-853).
 */
export const UpdateRaftVoterRequest = message(
  'UpdateRaftVoterRequest',
  { key: 82, versions: '0', flexible: '0+' },
  {
    clusterId: string({ nullable: '0+' }),
    currentLeaderEpoch: int32(),
    voterId: int32(),
    voterDirectoryId: uuid(),
    listeners: array({
      name: string(),
      host: string(),
      port: uint16(),
    }),
    kRaftVersionFeature: struct({
      minSupportedVersion: int16(),
      maxSupportedVersion: int16(),
    }),
  },
)
export type UpdateRaftVoterRequest = Wire<typeof UpdateRaftVoterRequest>

export const UpdateRaftVoterResponse = message(
  'UpdateRaftVoterResponse',
  { key: 82, versions: '0', flexible: '0+' },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    currentLeader: struct(
      {
        leaderId: int32({ default: -1 }),
        leaderEpoch: int32({ default: -1 }),
        host: string(),
        port: int32(),
      },
      { tag: 0 },
    ),
  },
)
export type UpdateRaftVoterResponse = Wire<typeof UpdateRaftVoterResponse>
