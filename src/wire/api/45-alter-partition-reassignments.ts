import type { Wire } from '../schema.ts'
import { array, arrayOf, bool, int16, int32, message, string } from '../schema.ts'

/**
 * AlterPartitionReassignments: move partitions to other brokers, or stop moving them.
 *
 *  v1  the replication factor may be kept from changing
 */
export const AlterPartitionReassignmentsRequest = message(
  'AlterPartitionReassignmentsRequest',
  { key: 45, versions: '0-1', flexible: '0+' },
  {
    timeoutMs: int32({ default: 60000 }),
    allowReplicationFactorChange: bool({ versions: '1+', default: true }),
    topics: array({
      name: string(),
      partitions: array({
        partitionIndex: int32(),
        replicas: arrayOf(int32(), { nullable: '0+', default: null, about: 'null stops the move' }),
      }),
    }),
  },
)
export type AlterPartitionReassignmentsRequest = Wire<typeof AlterPartitionReassignmentsRequest>

export const AlterPartitionReassignmentsResponse = message(
  'AlterPartitionReassignmentsResponse',
  { key: 45, versions: '0-1', flexible: '0+' },
  {
    throttleTimeMs: int32(),
    allowReplicationFactorChange: bool({ versions: '1+', default: true, ignorable: true }),
    errorCode: int16(),
    errorMessage: string({ nullable: '0+' }),
    responses: array({
      name: string(),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
        errorMessage: string({ nullable: '0+' }),
      }),
    }),
  },
)
export type AlterPartitionReassignmentsResponse = Wire<typeof AlterPartitionReassignmentsResponse>
