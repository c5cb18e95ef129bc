import type { Wire } from '../schema.ts'
import { array, int16, int32, int64, message, string, uuid } from '../schema.ts'

/**
 * AlterShareGroupOffsets: set the start offsets of a share group without members.
 */
export const AlterShareGroupOffsetsRequest = message(
  'AlterShareGroupOffsetsRequest',
  { key: 91, versions: '0', flexible: '0+' },
  {
    groupId: string(),
    topics: array({
      topicName: string(),
      partitions: array({
        partitionIndex: int32(),
        startOffset: int64(),
      }),
    }),
  },
)
export type AlterShareGroupOffsetsRequest = Wire<typeof AlterShareGroupOffsetsRequest>

export const AlterShareGroupOffsetsResponse = message(
  'AlterShareGroupOffsetsResponse',
  { key: 91, versions: '0', flexible: '0+' },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: string({ nullable: '0+', default: null }),
    responses: array({
      topicName: string(),
      topicId: uuid(),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
        errorMessage: string({ nullable: '0+', default: null }),
      }),
    }),
  },
)
export type AlterShareGroupOffsetsResponse = Wire<typeof AlterShareGroupOffsetsResponse>
