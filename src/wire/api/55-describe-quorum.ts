import type { Wire } from '../schema.ts'
import { array, int16, int32, int64, message, string, uint16, uuid } from '../schema.ts'

/**
 * DescribeQuorum: leader, voters and observers of the Raft quorum, with the log end offset of each.
 *
 *  v1  when each last fetched, and was last caught up
 *  v2  error messages, directory ids, endpoints (KIP-853)
 */
export const DescribeQuorumRequest = message(
  'DescribeQuorumRequest',
  { key: 55, versions: '0-2', flexible: '0+' },
  {
    topics: array({
      topicName: string(),
      partitions: array({
        partitionIndex: int32(),
      }),
    }),
  },
)
export type DescribeQuorumRequest = Wire<typeof DescribeQuorumRequest>

const replicaState = {
  replicaId: int32(),
  replicaDirectoryId: uuid({ versions: '2+' }),
  logEndOffset: int64(),
  lastFetchTimestamp: int64({ versions: '1+', default: -1n, ignorable: true }),
  lastCaughtUpTimestamp: int64({ versions: '1+', default: -1n, ignorable: true }),
}

export const DescribeQuorumResponse = message(
  'DescribeQuorumResponse',
  { key: 55, versions: '0-2', flexible: '0+' },
  {
    errorCode: int16(),
    errorMessage: string({ versions: '2+', nullable: '2+', ignorable: true }),
    topics: array({
      topicName: string(),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
        errorMessage: string({ versions: '2+', nullable: '2+', ignorable: true }),
        leaderId: int32(),
        leaderEpoch: int32(),
        highWatermark: int64(),
        currentVoters: array(replicaState),
        observers: array(replicaState),
      }),
    }),
    nodes: array(
      {
        nodeId: int32(),
        listeners: array({
          name: string(),
          host: string(),
          port: uint16(),
        }),
      },
      { versions: '2+' },
    ),
  },
)
export type DescribeQuorumResponse = Wire<typeof DescribeQuorumResponse>
