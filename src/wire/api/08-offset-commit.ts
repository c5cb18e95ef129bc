import type { Wire } from '../schema.ts'
import { array, int16, int32, int64, message, string, uuid } from '../schema.ts'

/**
 * OffsetCommit: commit offsets of a group.
 *
 *  v3   throttle time
 *  v5   the retention time is gone
 *  v6   leader epoch of the committed offset
 *  v7   static members
 *  v8   flexible
 *  v9   members of consumer groups (KIP-848): generation is a member epoch
 *  v10  topic ids instead of names
 */
export const OffsetCommitRequest = message(
  'OffsetCommitRequest',
  { key: 8, versions: '2-10', flexible: '8+' },
  {
    groupId: string(),
    generationIdOrMemberEpoch: int32({ default: -1, about: '-1 outside a group' }),
    memberId: string(),
    groupInstanceId: string({ versions: '7+', nullable: '7+', default: null }),
    retentionTimeMs: int64({ versions: '2-4', default: -1n, ignorable: true }),
    topics: array({
      name: string({ versions: '0-9', ignorable: true }),
      topicId: uuid({ versions: '10+', ignorable: true }),
      partitions: array({
        partitionIndex: int32(),
        committedOffset: int64(),
        committedLeaderEpoch: int32({ versions: '6+', default: -1, ignorable: true }),
        committedMetadata: string({ nullable: '0+' }),
      }),
    }),
  },
)
export type OffsetCommitRequest = Wire<typeof OffsetCommitRequest>

export const OffsetCommitResponse = message(
  'OffsetCommitResponse',
  { key: 8, versions: '2-10', flexible: '8+' },
  {
    throttleTimeMs: int32({ versions: '3+', ignorable: true }),
    topics: array({
      name: string({ versions: '0-9', ignorable: true }),
      topicId: uuid({ versions: '10+', ignorable: true }),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
      }),
    }),
  },
)
export type OffsetCommitResponse = Wire<typeof OffsetCommitResponse>
