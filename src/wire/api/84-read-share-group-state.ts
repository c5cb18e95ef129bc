import type { Wire } from '../schema.ts'
import { array, int8, int16, int32, int64, message, string, uuid } from '../schema.ts'

/**
 * ReadShareGroupState: the complete state of share partitions.
 */
export const ReadShareGroupStateRequest = message(
  'ReadShareGroupStateRequest',
  { key: 84, versions: '0', flexible: '0+' },
  {
    groupId: string(),
    topics: array({
      topicId: uuid(),
      partitions: array({
        partition: int32(),
        leaderEpoch: int32(),
      }),
    }),
  },
)
export type ReadShareGroupStateRequest = Wire<typeof ReadShareGroupStateRequest>

export const ReadShareGroupStateResponse = message(
  'ReadShareGroupStateResponse',
  { key: 84, versions: '0', flexible: '0+' },
  {
    results: array({
      topicId: uuid(),
      partitions: array({
        partition: int32(),
        errorCode: int16(),
        errorMessage: string({ nullable: '0+', default: null }),
        stateEpoch: int32(),
        startOffset: int64(),
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
export type ReadShareGroupStateResponse = Wire<typeof ReadShareGroupStateResponse>
