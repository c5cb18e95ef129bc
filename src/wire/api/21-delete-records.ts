import type { Wire } from '../schema.ts'
import { array, int16, int32, int64, message, string } from '../schema.ts'

/**
 * DeleteRecords: move the log start offset of a partition forward.
 *
 *  v2  flexible
 */
export const DeleteRecordsRequest = message(
  'DeleteRecordsRequest',
  { key: 21, versions: '0-2', flexible: '2+' },
  {
    topics: array({
      name: string(),
      partitions: array({
        partitionIndex: int32(),
        offset: int64({ about: '-1 for the high watermark' }),
      }),
    }),
    timeoutMs: int32(),
  },
)
export type DeleteRecordsRequest = Wire<typeof DeleteRecordsRequest>

export const DeleteRecordsResponse = message(
  'DeleteRecordsResponse',
  { key: 21, versions: '0-2', flexible: '2+' },
  {
    throttleTimeMs: int32(),
    topics: array({
      name: string(),
      partitions: array({
        partitionIndex: int32(),
        lowWatermark: int64(),
        errorCode: int16(),
      }),
    }),
  },
)
export type DeleteRecordsResponse = Wire<typeof DeleteRecordsResponse>
