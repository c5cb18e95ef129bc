import { expect, test } from 'vitest'
import { ListTransactionsRequest, ListTransactionsResponse } from '../../../../src/wire/api/66-list-transactions.ts'
import { brokerWorld } from '../broker-world.ts'

const invalidRegularExpression = 128

test.each([
  ['', 0],
  ['orders-.*', 0],
  ['\\pL+', 0],
  ['(?i)orders', 0],
  ['[', invalidRegularExpression],
  // JavaScript supports these, RE2 does not.
  ['(?=orders)', invalidRegularExpression],
  ['(?<!a)b', invalidRegularExpression],
  ['(a)\\1', invalidRegularExpression],
])('list-transactions: the pattern %s, an expression of RE2, is answered %i', async (transactionalIdPattern, error) => {
  const world = await brokerWorld()
  const answer = await world.call(ListTransactionsRequest, ListTransactionsResponse, 2, { transactionalIdPattern })
  expect(answer.errorCode).toBe(error)
})
