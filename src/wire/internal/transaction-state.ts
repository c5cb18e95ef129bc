import type { Wire } from '../schema.ts'
import { array, arrayOf, int8, int16, int32, int64, message, string } from '../schema.ts'

/**
 * Records of `__transaction_state`: one for each step of a transactional id. Framed as those of `__consumer_offsets`.
 */

/** A transactional id. */
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
    transactionStatus: int8({
      about: '0 empty, 1 ongoing, 2 prepare commit, 3 prepare abort, 4 complete commit, 5 complete abort, 6 dead, 7 prepare epoch fence',
    }),
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
