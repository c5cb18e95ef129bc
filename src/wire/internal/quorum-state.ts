import type { Wire } from '../schema.ts'
import { array, int32, int64, message, string, uuid } from '../schema.ts'

/**
 * The file `quorum-state`: the state of a voter that must survive a restart. Kafka stores it as JSON, with the version in `data_version`.
 *
 *  v1  directory ids; the voters are in the log (KIP-853)
 */
export const QuorumStateData = message(
  'QuorumStateData',
  { versions: '0-1', flexible: '0+' },
  {
    clusterId: string({ versions: '0' }),
    leaderId: int32({ default: -1 }),
    leaderEpoch: int32({ default: -1 }),
    votedId: int32({ default: -1 }),
    votedDirectoryId: uuid({ versions: '1+' }),
    appliedOffset: int64({ versions: '0' }),
    currentVoters: array(
      {
        voterId: int32(),
      },
      { versions: '0', nullable: '0' },
    ),
  },
)
export type QuorumStateData = Wire<typeof QuorumStateData>
