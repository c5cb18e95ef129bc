import type { Wire } from '../schema.ts'
import { array, arrayOf, int8, int16, int32, int64, message, string } from '../schema.ts'

export const TransactionLogKey = message(
  'TransactionLogKey',
  { key: 0, versions: '0', flexible: 'none' },
  {
    transactionalId: string(),
  },
)
export type TransactionLogKey = Wire<typeof TransactionLogKey>

export const TransactionLogValue = message(
  'TransactionLogValue',
  { key: 0, versions: '0-1', flexible: '1+' },
  {
    producerId: int64(),
    previousProducerId: int64({ versions: '1+', tag: 0, default: -1n }),
    nextProducerId: int64({ versions: '1+', tag: 1, default: -1n }),
    producerEpoch: int16(),
    nextProducerEpoch: int16({ versions: '1+', tag: 3, default: -1 }),
    transactionTimeoutMs: int32(),
    transactionStatus: int8(),
    transactionPartitions: array(
      {
        topic: string(),
        partitionIds: arrayOf(int32()),
      },
      { nullable: '0+' },
    ),
    transactionLastUpdateTimestampMs: int64(),
    transactionStartTimestampMs: int64(),
    clientTransactionVersion: int16({ versions: '1+', tag: 2 }),
  },
)
export type TransactionLogValue = Wire<typeof TransactionLogValue>
