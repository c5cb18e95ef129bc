import type { Wire } from '../schema.ts'
import { array, arrayOf, int16, int32, message, string } from '../schema.ts'

/**
 * ListPartitionReassignments: the partitions that are being moved.
 */
export const ListPartitionReassignmentsRequest = message(
  'ListPartitionReassignmentsRequest',
  { key: 46, versions: '0', flexible: '0+' },
  {
    timeoutMs: int32({ default: 60000 }),
    topics: array(
      {
        name: string(),
        partitionIndexes: arrayOf(int32()),
      },
      { nullable: '0+', default: null },
    ),
  },
)
export type ListPartitionReassignmentsRequest = Wire<typeof ListPartitionReassignmentsRequest>

export const ListPartitionReassignmentsResponse = message(
  'ListPartitionReassignmentsResponse',
  { key: 46, versions: '0', flexible: '0+' },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: string({ nullable: '0+' }),
    topics: array({
      name: string(),
      partitions: array({
        partitionIndex: int32(),
        replicas: arrayOf(int32()),
        addingReplicas: arrayOf(int32()),
        removingReplicas: arrayOf(int32()),
      }),
    }),
  },
)
export type ListPartitionReassignmentsResponse = Wire<typeof ListPartitionReassignmentsResponse>
