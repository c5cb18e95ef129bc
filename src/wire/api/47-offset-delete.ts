import type { Wire } from '../schema.ts'
import { array, int16, int32, message, string } from '../schema.ts'

/**
 * OffsetDelete: delete committed offsets of topics to which a group no longer subscribes.
 *
 * Never flexible.
 */
export const OffsetDeleteRequest = message(
  'OffsetDeleteRequest',
  { key: 47, versions: '0', flexible: 'none' },
  {
    groupId: string(),
    topics: array({
      name: string(),
      partitions: array({
        partitionIndex: int32(),
      }),
    }),
  },
)
export type OffsetDeleteRequest = Wire<typeof OffsetDeleteRequest>

export const OffsetDeleteResponse = message(
  'OffsetDeleteResponse',
  { key: 47, versions: '0', flexible: 'none' },
  {
    errorCode: int16(),
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
export type OffsetDeleteResponse = Wire<typeof OffsetDeleteResponse>
