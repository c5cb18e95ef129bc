import type { Wire } from '../schema.ts'
import { array, arrayOf, int16, int32, int64, message, string, uuid } from '../schema.ts'

/**
 * DescribeShareGroupOffsets: start offsets of share groups.
 *
 *  v1  lag
 */
export const DescribeShareGroupOffsetsRequest = message(
  'DescribeShareGroupOffsetsRequest',
  { key: 90, versions: '0-1', flexible: '0+' },
  {
    groups: array({
      groupId: string(),
      topics: array(
        {
          topicName: string(),
          partitions: arrayOf(int32()),
        },
        { nullable: '0+' },
      ),
    }),
  },
)
export type DescribeShareGroupOffsetsRequest = Wire<typeof DescribeShareGroupOffsetsRequest>

export const DescribeShareGroupOffsetsResponse = message(
  'DescribeShareGroupOffsetsResponse',
  { key: 90, versions: '0-1', flexible: '0+' },
  {
    throttleTimeMs: int32(),
    groups: array({
      groupId: string(),
      topics: array({
        topicName: string(),
        topicId: uuid(),
        partitions: array({
          partitionIndex: int32(),
          startOffset: int64(),
          leaderEpoch: int32(),
          lag: int64({ versions: '1+', default: -1n, ignorable: true }),
          errorCode: int16(),
          errorMessage: string({ nullable: '0+', default: null }),
        }),
      }),
      errorCode: int16(),
      errorMessage: string({ nullable: '0+', default: null }),
    }),
  },
)
export type DescribeShareGroupOffsetsResponse = Wire<typeof DescribeShareGroupOffsetsResponse>
