import type { Wire } from '../schema.ts'
import { array, arrayOf, int16, int32, int64, message, string } from '../schema.ts'

/**
 * DescribeTransactions: state and partitions of transactions.
 */
export const DescribeTransactionsRequest = message(
  'DescribeTransactionsRequest',
  { key: 65, versions: '0', flexible: '0+' },
  {
    transactionalIds: arrayOf(string()),
  },
)
export type DescribeTransactionsRequest = Wire<typeof DescribeTransactionsRequest>

export const DescribeTransactionsResponse = message(
  'DescribeTransactionsResponse',
  { key: 65, versions: '0', flexible: '0+' },
  {
    throttleTimeMs: int32(),
    transactionStates: array({
      errorCode: int16(),
      transactionalId: string(),
      transactionState: string(),
      transactionTimeoutMs: int32(),
      transactionStartTimeMs: int64(),
      producerId: int64(),
      producerEpoch: int16(),
      topics: array({
        topic: string(),
        partitions: arrayOf(int32()),
      }),
    }),
  },
)
export type DescribeTransactionsResponse = Wire<typeof DescribeTransactionsResponse>
