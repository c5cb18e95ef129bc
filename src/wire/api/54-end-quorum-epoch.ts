import type { Wire } from '../schema.ts'
import { array, arrayOf, int16, int32, message, string, uint16, uuid } from '../schema.ts'

/**
 * EndQuorumEpoch: the leader of the Raft quorum resigns, and names its preferred successors.
 *
 *  v1  flexible; directory ids and endpoints (KIP-853)
 */
export const EndQuorumEpochRequest = message(
  'EndQuorumEpochRequest',
  { key: 54, versions: '0-1', flexible: '1+' },
  {
    clusterId: string({ nullable: '0+', default: null }),
    topics: array({
      topicName: string(),
      partitions: array({
        partitionIndex: int32(),
        leaderId: int32(),
        leaderEpoch: int32(),
        preferredSuccessors: arrayOf(int32(), { versions: '0', ignorable: true }),
        preferredCandidates: array(
          {
            candidateId: int32(),
            candidateDirectoryId: uuid(),
          },
          { versions: '1+', ignorable: true },
        ),
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
export type EndQuorumEpochRequest = Wire<typeof EndQuorumEpochRequest>

export const EndQuorumEpochResponse = message(
  'EndQuorumEpochResponse',
  { key: 54, versions: '0-1', flexible: '1+' },
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
export type EndQuorumEpochResponse = Wire<typeof EndQuorumEpochResponse>
