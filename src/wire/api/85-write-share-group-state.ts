import type { Wire } from '../schema.ts'
import { array, int8, int16, int32, int64, message, string, uuid } from '../schema.ts'

/**
 * WriteShareGroupState: change the state of share partitions.
 *
 *  v1  how many records beyond the start are delivered for good
 */
export const WriteShareGroupStateRequest = message(
  'WriteShareGroupStateRequest',
  { key: 85, versions: '0-1', flexible: '0+' },
  {
    groupId: string(),
    topics: array({
      topicId: uuid(),
      partitions: array({
        partition: int32(),
        stateEpoch: int32(),
        leaderEpoch: int32(),
        startOffset: int64(),
        deliveryCompleteCount: int32({ versions: '1+', default: -1, ignorable: true }),
        stateBatches: array({
          firstOffset: int64(),
          lastOffset: int64(),
          deliveryState: int8(),
          deliveryCount: int16(),
        }),
      }),
    }),
  },
)
export type WriteShareGroupStateRequest = Wire<typeof WriteShareGroupStateRequest>

export const WriteShareGroupStateResponse = message(
  'WriteShareGroupStateResponse',
  { key: 85, versions: '0-1', flexible: '0+' },
  {
    results: array({
      topicId: uuid(),
      partitions: array({
        partition: int32(),
        errorCode: int16(),
        errorMessage: string({ nullable: '0+', default: null }),
      }),
    }),
  },
)
export type WriteShareGroupStateResponse = Wire<typeof WriteShareGroupStateResponse>
