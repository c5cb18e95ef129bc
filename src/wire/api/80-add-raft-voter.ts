import type { Wire } from '../schema.ts'
import { array, bool, int16, int32, message, string, uint16, uuid } from '../schema.ts'

/**
 * AddRaftVoter: make a controller a voter of the Raft quorum (KIP-853).
 *
 *  v1  answer before the new voter set is committed
 */
export const AddRaftVoterRequest = message(
  'AddRaftVoterRequest',
  { key: 80, versions: '0-1', flexible: '0+' },
  {
    clusterId: string({ nullable: '0+' }),
    timeoutMs: int32(),
    voterId: int32(),
    voterDirectoryId: uuid(),
    listeners: array({
      name: string(),
      host: string(),
      port: uint16(),
    }),
    ackWhenCommitted: bool({ versions: '1+', default: true }),
  },
)
export type AddRaftVoterRequest = Wire<typeof AddRaftVoterRequest>

export const AddRaftVoterResponse = message(
  'AddRaftVoterResponse',
  { key: 80, versions: '0-1', flexible: '0+' },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: string({ nullable: '0+' }),
  },
)
export type AddRaftVoterResponse = Wire<typeof AddRaftVoterResponse>
