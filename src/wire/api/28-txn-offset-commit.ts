import type { Wire } from '../schema.ts'
import { array, int16, int32, int64, message, string } from '../schema.ts'

/**
 * TxnOffsetCommit: commit offsets of a group together with a transaction.
 *
 *  v2  leader epochs
 *  v3  flexible; member id and generation, to fence zombies (KIP-447)
 *  v4  TRANSACTION_ABORTABLE may be returned
 *  v5  the group joins the transaction with it (KIP-890)
 */
export const TxnOffsetCommitRequest = message(
  'TxnOffsetCommitRequest',
  { key: 28, versions: '0-5', flexible: '3+' },
  {
    transactionalId: string(),
    groupId: string(),
    producerId: int64(),
    producerEpoch: int16(),
    generationId: int32({ versions: '3+', default: -1 }),
    memberId: string({ versions: '3+' }),
    groupInstanceId: string({ versions: '3+', nullable: '3+', default: null }),
    topics: array({
      name: string(),
      partitions: array({
        partitionIndex: int32(),
        committedOffset: int64(),
        committedLeaderEpoch: int32({ versions: '2+', default: -1, ignorable: true }),
        committedMetadata: string({ nullable: '0+' }),
      }),
    }),
  },
)
export type TxnOffsetCommitRequest = Wire<typeof TxnOffsetCommitRequest>

export const TxnOffsetCommitResponse = message(
  'TxnOffsetCommitResponse',
  { key: 28, versions: '0-5', flexible: '3+' },
  {
    throttleTimeMs: int32(),
    topics: array({
      name: string(),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
      }),
    }),
  },
)
export type TxnOffsetCommitResponse = Wire<typeof TxnOffsetCommitResponse>
