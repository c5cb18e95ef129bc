import type { Wire } from '../schema.ts'
import { array, arrayOf, int16, int32, message, string, uuid } from '../schema.ts'

/**
 * DeleteTopics: delete topics.
 *
 *  v3  TOPIC_DELETION_DISABLED may be returned
 *  v4  flexible
 *  v5  error messages; THROTTLING_QUOTA_EXCEEDED may be returned
 *  v6  by id or by name
 */
export const DeleteTopicsRequest = message(
  'DeleteTopicsRequest',
  { key: 20, versions: '1-6', flexible: '4+' },
  {
    topics: array(
      {
        name: string({ nullable: '6+', default: null }),
        topicId: uuid(),
      },
      { versions: '6+' },
    ),
    topicNames: arrayOf(string(), { versions: '0-5', ignorable: true }),
    timeoutMs: int32(),
  },
)
export type DeleteTopicsRequest = Wire<typeof DeleteTopicsRequest>

export const DeleteTopicsResponse = message(
  'DeleteTopicsResponse',
  { key: 20, versions: '1-6', flexible: '4+' },
  {
    throttleTimeMs: int32(),
    responses: array({
      name: string({ nullable: '6+' }),
      topicId: uuid({ versions: '6+', ignorable: true }),
      errorCode: int16(),
      errorMessage: string({ versions: '5+', nullable: '5+', default: null, ignorable: true }),
    }),
  },
)
export type DeleteTopicsResponse = Wire<typeof DeleteTopicsResponse>
