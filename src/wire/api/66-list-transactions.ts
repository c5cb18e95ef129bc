import type { Wire } from '../schema.ts'
import { array, arrayOf, int16, int32, int64, message, string } from '../schema.ts'

/**
 * ListTransactions: the transactions that this broker coordinates.
 *
 *  v1  filter by duration
 *  v2  filter by a pattern of transactional ids
 */
export const ListTransactionsRequest = message(
  'ListTransactionsRequest',
  { key: 66, versions: '0-2', flexible: '0+' },
  {
    stateFilters: arrayOf(string()),
    producerIdFilters: arrayOf(int64()),
    durationFilter: int64({ versions: '1+', default: -1n }),
    transactionalIdPattern: string({ versions: '2+', nullable: '2+', default: null }),
  },
)
export type ListTransactionsRequest = Wire<typeof ListTransactionsRequest>

export const ListTransactionsResponse = message(
  'ListTransactionsResponse',
  { key: 66, versions: '0-2', flexible: '0+' },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    unknownStateFilters: arrayOf(string()),
    transactionStates: array({
      transactionalId: string(),
      producerId: int64(),
      transactionState: string(),
    }),
  },
)
export type ListTransactionsResponse = Wire<typeof ListTransactionsResponse>
