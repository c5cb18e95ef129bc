import type { Wire } from '../schema.ts'
import { array, arrayOf, bool, int16, int32, int64, message, string, uuid } from '../schema.ts'

/**
 * OffsetFetch: committed offsets of a group.
 *
 *  v2   null requests all topics; an error for the whole group
 *  v3   throttle time
 *  v5   leader epochs
 *  v6   flexible
 *  v7   offsets of a pending transaction can be rejected (KIP-447)
 *  v8   several groups in a request
 *  v9   members of consumer groups (KIP-848)
 *  v10  topic ids instead of names
 */
export const OffsetFetchRequest = message(
  'OffsetFetchRequest',
  { key: 9, versions: '1-10', flexible: '6+' },
  {
    groupId: string({ versions: '0-7' }),
    topics: array(
      {
        name: string(),
        partitionIndexes: arrayOf(int32()),
      },
      { versions: '0-7', nullable: '2-7' },
    ),
    groups: array(
      {
        groupId: string(),
        memberId: string({ versions: '9+', nullable: '9+', default: null, ignorable: true }),
        memberEpoch: int32({ versions: '9+', default: -1, ignorable: true }),
        topics: array(
          {
            name: string({ versions: '8-9', ignorable: true }),
            topicId: uuid({ versions: '10+', ignorable: true }),
            partitionIndexes: arrayOf(int32()),
          },
          { nullable: '8+' },
        ),
      },
      { versions: '8+' },
    ),
    requireStable: bool({ versions: '7+' }),
  },
)
export type OffsetFetchRequest = Wire<typeof OffsetFetchRequest>

export const OffsetFetchResponse = message(
  'OffsetFetchResponse',
  { key: 9, versions: '1-10', flexible: '6+' },
  {
    throttleTimeMs: int32({ versions: '3+', ignorable: true }),
    topics: array(
      {
        name: string(),
        partitions: array({
          partitionIndex: int32(),
          committedOffset: int64(),
          committedLeaderEpoch: int32({ versions: '5-7', default: -1, ignorable: true }),
          metadata: string({ nullable: '0-7' }),
          errorCode: int16(),
        }),
      },
      { versions: '0-7' },
    ),
    errorCode: int16({ versions: '2-7', ignorable: true }),
    groups: array(
      {
        groupId: string(),
        topics: array({
          name: string({ versions: '8-9', ignorable: true }),
          topicId: uuid({ versions: '10+', ignorable: true }),
          partitions: array({
            partitionIndex: int32(),
            committedOffset: int64(),
            committedLeaderEpoch: int32({ default: -1 }),
            metadata: string({ nullable: '8+' }),
            errorCode: int16(),
          }),
        }),
        errorCode: int16(),
      },
      { versions: '8+' },
    ),
  },
)
export type OffsetFetchResponse = Wire<typeof OffsetFetchResponse>
