import type { Wire } from '../schema.ts'
import { array, arrayOf, int8, int16, int32, int64, message, uuid } from '../schema.ts'

/**
 * AlterPartition: a leader requests the controller to change the in-sync replicas.
 *
 *  v3  broker epochs of replicas (KIP-903)
 */
export const AlterPartitionRequest = message(
  'AlterPartitionRequest',
  { key: 56, versions: '2-3', flexible: '0+' },
  {
    brokerId: int32(),
    brokerEpoch: int64({ default: -1n }),
    topics: array({
      topicId: uuid(),
      partitions: array({
        partitionIndex: int32(),
        leaderEpoch: int32(),
        newIsr: arrayOf(int32(), { versions: '0-2' }),
        newIsrWithEpochs: array(
          {
            brokerId: int32(),
            brokerEpoch: int64({ default: -1n }),
          },
          { versions: '3+' },
        ),
        leaderRecoveryState: int8(),
        partitionEpoch: int32(),
      }),
    }),
  },
)
export type AlterPartitionRequest = Wire<typeof AlterPartitionRequest>

export const AlterPartitionResponse = message(
  'AlterPartitionResponse',
  { key: 56, versions: '2-3', flexible: '0+' },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    topics: array({
      topicId: uuid(),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
        leaderId: int32(),
        leaderEpoch: int32(),
        isr: arrayOf(int32()),
        leaderRecoveryState: int8(),
        partitionEpoch: int32(),
      }),
    }),
  },
)
export type AlterPartitionResponse = Wire<typeof AlterPartitionResponse>
