import type { Wire } from '../schema.ts'
import { array, arrayOf, bool, int16, int32, message, string } from '../schema.ts'

/**
 * CreatePartitions: add partitions to topics.
 *
 *  v2  flexible
 *  v3  THROTTLING_QUOTA_EXCEEDED may be returned
 */
export const CreatePartitionsRequest = message(
  'CreatePartitionsRequest',
  { key: 37, versions: '0-3', flexible: '2+' },
  {
    topics: array({
      name: string(),
      count: int32(),
      assignments: array(
        {
          brokerIds: arrayOf(int32()),
        },
        { nullable: '0+' },
      ),
    }),
    timeoutMs: int32(),
    validateOnly: bool(),
  },
)
export type CreatePartitionsRequest = Wire<typeof CreatePartitionsRequest>

export const CreatePartitionsResponse = message(
  'CreatePartitionsResponse',
  { key: 37, versions: '0-3', flexible: '2+' },
  {
    throttleTimeMs: int32(),
    results: array({
      name: string(),
      errorCode: int16(),
      errorMessage: string({ nullable: '0+', default: null }),
    }),
  },
)
export type CreatePartitionsResponse = Wire<typeof CreatePartitionsResponse>
