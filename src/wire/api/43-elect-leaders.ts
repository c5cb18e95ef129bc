import type { Wire } from '../schema.ts'
import { array, arrayOf, int8, int16, int32, message, string } from '../schema.ts'

/**
 * ElectLeaders: elect the preferred leader of partitions, or any.
 *
 *  v1  election type: 0 preferred, 1 unclean
 *  v2  flexible
 */
export const ElectLeadersRequest = message(
  'ElectLeadersRequest',
  { key: 43, versions: '0-2', flexible: '2+' },
  {
    electionType: int8({ versions: '1+', about: '0 preferred, 1 unclean' }),
    topicPartitions: array(
      {
        topic: string(),
        partitions: arrayOf(int32()),
      },
      { nullable: '0+', about: 'null for all' },
    ),
    timeoutMs: int32({ default: 60000 }),
  },
)
export type ElectLeadersRequest = Wire<typeof ElectLeadersRequest>

export const ElectLeadersResponse = message(
  'ElectLeadersResponse',
  { key: 43, versions: '0-2', flexible: '2+' },
  {
    throttleTimeMs: int32(),
    errorCode: int16({ versions: '1+' }),
    replicaElectionResults: array({
      topic: string(),
      partitionResult: array({
        partitionId: int32(),
        errorCode: int16(),
        errorMessage: string({ nullable: '0+' }),
      }),
    }),
  },
)
export type ElectLeadersResponse = Wire<typeof ElectLeadersResponse>
