import type { Wire } from '../schema.ts'
import { array, int16, int32, message, string, uint16, uuid } from '../schema.ts'

/**
 * BeginQuorumEpoch: the leader of the Raft quorum announces itself to the voters.
 *
 *  v1  flexible; directory ids and endpoints (KIP-853)
 */
export const BeginQuorumEpochRequest = message(
  'BeginQuorumEpochRequest',
  { key: 53, versions: '0-1', flexible: '1+' },
  {
    clusterId: string({ nullable: '0+', default: null }),
    voterId: int32({ versions: '1+', default: -1, ignorable: true }),
    topics: array({
      topicName: string(),
      partitions: array({
        partitionIndex: int32(),
        voterDirectoryId: uuid({ versions: '1+', ignorable: true }),
        leaderId: int32(),
        leaderEpoch: int32(),
      }),
    }),
    leaderEndpoints: array(
      {
        name: string(),
        host: string(),
        port: uint16(),
      },
      { versions: '1+', ignorable: true },
    ),
  },
)
export type BeginQuorumEpochRequest = Wire<typeof BeginQuorumEpochRequest>

export const BeginQuorumEpochResponse = message(
  'BeginQuorumEpochResponse',
  { key: 53, versions: '0-1', flexible: '1+' },
  {
    errorCode: int16(),
    topics: array({
      topicName: string(),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
        leaderId: int32(),
        leaderEpoch: int32(),
      }),
    }),
    nodeEndpoints: array(
      {
        nodeId: int32(),
        host: string(),
        port: uint16(),
      },
      { versions: '1+', tag: 0 },
    ),
  },
)
export type BeginQuorumEpochResponse = Wire<typeof BeginQuorumEpochResponse>
