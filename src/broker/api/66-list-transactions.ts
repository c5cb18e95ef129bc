import { nameExpression } from '../../coordinator/name-expression.ts'
import { ListTransactionsRequest, ListTransactionsResponse } from '../../wire/api/66-list-transactions.ts'
import { errors, type KafkaError } from '../../wire/errors.ts'
import { handler } from '../handler.ts'

const states = ['Empty', 'Ongoing', 'PrepareCommit', 'PrepareAbort', 'CompleteCommit', 'CompleteAbort', 'Dead', 'PrepareEpochFence']

/** Transactions do not exist yet: the list is empty. */
export const listTransactions = handler({
  request: ListTransactionsRequest,
  response: ListTransactionsResponse,
  versions: [0, 2],
  handle({ stateFilters, transactionalIdPattern }, { compileExpression }) {
    // As in Kafka, an RE2 expression, which must match a whole id.
    if (transactionalIdPattern && 'error' in nameExpression(transactionalIdPattern, compileExpression))
      return response(errors.INVALID_REGULAR_EXPRESSION, [])
    return response(
      errors.NONE,
      [...new Set(stateFilters)].filter((state) => !states.includes(state)),
    )
  },
})

const response = ({ code }: KafkaError, unknownStateFilters: string[]): ListTransactionsResponse => ({
  throttleTimeMs: 0,
  errorCode: code,
  unknownStateFilters,
  transactionStates: [],
})
