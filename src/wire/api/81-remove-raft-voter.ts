import type { Wire } from '../schema.ts'
import { int16, int32, message, string, uuid } from '../schema.ts'

/**
 * RemoveRaftVoter: remove a voter from the Raft quorum (KIP-853).
 */
export const RemoveRaftVoterRequest = message(
  'RemoveRaftVoterRequest',
  { key: 81, versions: '0', flexible: '0+' },
  {
    clusterId: string({ nullable: '0+' }),
    voterId: int32(),
    voterDirectoryId: uuid(),
  },
)
export type RemoveRaftVoterRequest = Wire<typeof RemoveRaftVoterRequest>

export const RemoveRaftVoterResponse = message(
  'RemoveRaftVoterResponse',
  { key: 81, versions: '0', flexible: '0+' },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: string({ nullable: '0+' }),
  },
)
export type RemoveRaftVoterResponse = Wire<typeof RemoveRaftVoterResponse>
