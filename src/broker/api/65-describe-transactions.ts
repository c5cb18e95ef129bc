import { DescribeTransactionsRequest, DescribeTransactionsResponse } from '../../wire/api/65-describe-transactions.ts'
import { errors } from '../../wire/errors.ts'
import { handler } from '../handler.ts'

/** Transactions do not exist yet: every transactional id is unknown. */
export const describeTransactions = handler({
  request: DescribeTransactionsRequest,
  response: DescribeTransactionsResponse,
  versions: [0, 0],
  handle: ({ transactionalIds }) => ({
    throttleTimeMs: 0,
    transactionStates: transactionalIds.map((transactionalId) => ({
      errorCode: transactionalId === '' ? errors.INVALID_REQUEST.code : errors.TRANSACTIONAL_ID_NOT_FOUND.code,
      transactionalId,
      transactionState: '',
      transactionTimeoutMs: 0,
      transactionStartTimeMs: 0n,
      producerId: 0n,
      producerEpoch: 0,
      topics: [],
    })),
  }),
})
