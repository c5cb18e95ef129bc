import type { Wire } from '../schema.ts'
import { array, arrayOf, bool, int8, int16, int32, int64, message, string, struct, uuid } from '../schema.ts'

/**
 * ShareAcknowledge: acknowledge records that a member of a share group acquired.
 *
 *  v2  renewing an acquisition (KIP-1222)
 */
export const ShareAcknowledgeRequest = message(
  'ShareAcknowledgeRequest',
  { key: 79, versions: '1-2', flexible: '0+' },
  {
    groupId: string({ nullable: '0+', default: null }),
    memberId: string({ nullable: '0+' }),
    shareSessionEpoch: int32(),
    isRenewAck: bool({ versions: '2+' }),
    topics: array({
      topicId: uuid(),
      partitions: array({
        partitionIndex: int32(),
        acknowledgementBatches: array({
          firstOffset: int64(),
          lastOffset: int64(),
          acknowledgeTypes: arrayOf(int8()),
        }),
      }),
    }),
  },
)
export type ShareAcknowledgeRequest = Wire<typeof ShareAcknowledgeRequest>

export const ShareAcknowledgeResponse = message(
  'ShareAcknowledgeResponse',
  { key: 79, versions: '1-2', flexible: '0+' },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: string({ nullable: '0+', default: null }),
    acquisitionLockTimeoutMs: int32({ versions: '2+', ignorable: true }),
    responses: array({
      topicId: uuid(),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
        errorMessage: string({ nullable: '0+', default: null }),
        currentLeader: struct({
          leaderId: int32(),
          leaderEpoch: int32(),
        }),
      }),
    }),
    nodeEndpoints: array({
      nodeId: int32(),
      host: string(),
      port: int32(),
      rack: string({ nullable: '0+', default: null }),
    }),
  },
)
export type ShareAcknowledgeResponse = Wire<typeof ShareAcknowledgeResponse>
