import type { Wire } from '../schema.ts'
import { array, int16, int32, int64, message, string, uuid } from '../schema.ts'

/**
 * InitializeShareGroupState: initialize the state of share partitions.
 */
export const InitializeShareGroupStateRequest = message(
  'InitializeShareGroupStateRequest',
  { key: 83, versions: '0', flexible: '0+' },
  {
    groupId: string(),
    topics: array({
      topicId: uuid(),
      partitions: array({
        partition: int32(),
        stateEpoch: int32(),
        startOffset: int64(),
      }),
    }),
  },
)
export type InitializeShareGroupStateRequest = Wire<typeof InitializeShareGroupStateRequest>

export const InitializeShareGroupStateResponse = message(
  'InitializeShareGroupStateResponse',
  { key: 83, versions: '0', flexible: '0+' },
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
export type InitializeShareGroupStateResponse = Wire<typeof InitializeShareGroupStateResponse>
