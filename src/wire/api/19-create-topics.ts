import type { Wire } from '../schema.ts'
import { array, arrayOf, bool, int8, int16, int32, message, string, uuid } from '../schema.ts'

/**
 * CreateTopics: create topics.
 *
 *  v4  -1 for the broker's own default of partitions and replicas
 *  v5  flexible; configs in the response
 *  v6  THROTTLING_QUOTA_EXCEEDED may be returned
 *  v7  topic ids in the response
 */
export const CreateTopicsRequest = message(
  'CreateTopicsRequest',
  { key: 19, versions: '2-7', flexible: '5+' },
  {
    topics: array({
      name: string(),
      numPartitions: int32({ about: '-1 for the default, or with assignments' }),
      replicationFactor: int16({ about: '-1 for the default, or with assignments' }),
      assignments: array({
        partitionIndex: int32(),
        brokerIds: arrayOf(int32()),
      }),
      configs: array({
        name: string(),
        value: string({ nullable: '0+' }),
      }),
    }),
    timeoutMs: int32({ default: 60000 }),
    validateOnly: bool(),
  },
)
export type CreateTopicsRequest = Wire<typeof CreateTopicsRequest>

export const CreateTopicsResponse = message(
  'CreateTopicsResponse',
  { key: 19, versions: '2-7', flexible: '5+' },
  {
    throttleTimeMs: int32(),
    topics: array({
      name: string(),
      topicId: uuid({ versions: '7+', ignorable: true }),
      errorCode: int16(),
      errorMessage: string({ nullable: '0+' }),
      topicConfigErrorCode: int16({ versions: '5+', tag: 0, ignorable: true }),
      numPartitions: int32({ versions: '5+', default: -1, ignorable: true }),
      replicationFactor: int16({ versions: '5+', default: -1, ignorable: true }),
      configs: array(
        {
          name: string(),
          value: string({ nullable: '5+' }),
          readOnly: bool(),
          configSource: int8({ default: -1, about: 'as in DescribeConfigs' }),
          isSensitive: bool(),
        },
        { versions: '5+', nullable: '5+', ignorable: true },
      ),
    }),
  },
)
export type CreateTopicsResponse = Wire<typeof CreateTopicsResponse>
