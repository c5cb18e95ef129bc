import type { Wire } from '../schema.ts'
import { array, int16, int32, int64, message, string } from '../schema.ts'

/**
 * OffsetForLeaderEpoch: the end offset of a leader epoch: a client detects with it that records that it read were truncated.
 *
 *  v3  replica id
 *  v4  flexible
 */
export const OffsetForLeaderEpochRequest = message(
  'OffsetForLeaderEpochRequest',
  { key: 23, versions: '2-4', flexible: '4+' },
  {
    replicaId: int32({ versions: '3+', default: -2, ignorable: true }),
    topics: array({
      topic: string(),
      partitions: array({
        partition: int32(),
        currentLeaderEpoch: int32({ default: -1 }),
        leaderEpoch: int32(),
      }),
    }),
  },
)
export type OffsetForLeaderEpochRequest = Wire<typeof OffsetForLeaderEpochRequest>

export const OffsetForLeaderEpochResponse = message(
  'OffsetForLeaderEpochResponse',
  { key: 23, versions: '2-4', flexible: '4+' },
  {
    throttleTimeMs: int32(),
    topics: array({
      topic: string(),
      partitions: array({
        errorCode: int16(),
        partition: int32(),
        leaderEpoch: int32({ default: -1 }),
        endOffset: int64({ default: -1n }),
      }),
    }),
  },
)
export type OffsetForLeaderEpochResponse = Wire<typeof OffsetForLeaderEpochResponse>
