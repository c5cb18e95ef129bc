import type { Wire } from '../schema.ts'
import { array, int16, int32, message, string, uuid } from '../schema.ts'

/**
 * DeleteShareGroupOffsets: delete the start offsets of a share group.
 */
export const DeleteShareGroupOffsetsRequest = message(
  'DeleteShareGroupOffsetsRequest',
  { key: 92, versions: '0', flexible: '0+' },
  {
    groupId: string(),
    topics: array({
      topicName: string(),
    }),
  },
)
export type DeleteShareGroupOffsetsRequest = Wire<typeof DeleteShareGroupOffsetsRequest>

export const DeleteShareGroupOffsetsResponse = message(
  'DeleteShareGroupOffsetsResponse',
  { key: 92, versions: '0', flexible: '0+' },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: string({ nullable: '0+', default: null }),
    responses: array({
      topicName: string(),
      topicId: uuid(),
      errorCode: int16(),
      errorMessage: string({ nullable: '0+', default: null }),
    }),
  },
)
export type DeleteShareGroupOffsetsResponse = Wire<typeof DeleteShareGroupOffsetsResponse>
