import type { Wire } from '../schema.ts'
import { array, arrayOf, int16, int32, int64, message, string } from '../schema.ts'

/**
 * DescribeProducers: the producers that are active in partitions.
 */
export const DescribeProducersRequest = message(
  'DescribeProducersRequest',
  { key: 61, versions: '0', flexible: '0+' },
  {
    topics: array({
      name: string(),
      partitionIndexes: arrayOf(int32()),
    }),
  },
)
export type DescribeProducersRequest = Wire<typeof DescribeProducersRequest>

export const DescribeProducersResponse = message(
  'DescribeProducersResponse',
  { key: 61, versions: '0', flexible: '0+' },
  {
    throttleTimeMs: int32(),
    topics: array({
      name: string(),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
        errorMessage: string({ nullable: '0+', default: null }),
        activeProducers: array({
          producerId: int64(),
          producerEpoch: int32(),
          lastSequence: int32({ default: -1 }),
          lastTimestamp: int64({ default: -1n }),
          coordinatorEpoch: int32(),
          currentTxnStartOffset: int64({ default: -1n }),
        }),
      }),
    }),
  },
)
export type DescribeProducersResponse = Wire<typeof DescribeProducersResponse>
