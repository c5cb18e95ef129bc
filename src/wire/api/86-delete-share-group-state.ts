import type { Wire } from '../schema.ts'
import { array, int16, int32, message, string, uuid } from '../schema.ts'

/**
 * DeleteShareGroupState: delete the state of share partitions.
 */
export const DeleteShareGroupStateRequest = message(
  'DeleteShareGroupStateRequest',
  { key: 86, versions: '0', flexible: '0+' },
  {
    groupId: string(),
    topics: array({
      topicId: uuid(),
      partitions: array({
        partition: int32(),
      }),
    }),
  },
)
export type DeleteShareGroupStateRequest = Wire<typeof DeleteShareGroupStateRequest>

export const DeleteShareGroupStateResponse = message(
  'DeleteShareGroupStateResponse',
  { key: 86, versions: '0', flexible: '0+' },
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
export type DeleteShareGroupStateResponse = Wire<typeof DeleteShareGroupStateResponse>
