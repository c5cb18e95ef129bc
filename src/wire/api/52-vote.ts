import type { Wire } from '../schema.ts'
import { array, bool, int16, int32, int64, message, string, uint16, uuid } from '../schema.ts'

/**
 * Vote: a candidate of the Raft quorum requests a vote.
 *
 *  v1  directory ids and endpoints (KIP-853)
 *  v2  pre-vote (KIP-996)
 */
export const VoteRequest = message(
  'VoteRequest',
  { key: 52, versions: '0-2', flexible: '0+' },
  {
    clusterId: string({ nullable: '0+', default: null }),
    voterId: int32({ versions: '1+', default: -1, ignorable: true }),
    topics: array({
      topicName: string(),
      partitions: array({
        partitionIndex: int32(),
        replicaEpoch: int32(),
        replicaId: int32(),
        replicaDirectoryId: uuid({ versions: '1+', ignorable: true }),
        voterDirectoryId: uuid({ versions: '1+', ignorable: true }),
        lastOffsetEpoch: int32(),
        lastOffset: int64(),
        preVote: bool({ versions: '2+', about: 'a request that does not start an epoch' }),
      }),
    }),
  },
)
export type VoteRequest = Wire<typeof VoteRequest>

export const VoteResponse = message(
  'VoteResponse',
  { key: 52, versions: '0-2', flexible: '0+' },
  {
    errorCode: int16(),
    topics: array({
      topicName: string(),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
        leaderId: int32(),
        leaderEpoch: int32(),
        voteGranted: bool(),
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
export type VoteResponse = Wire<typeof VoteResponse>
