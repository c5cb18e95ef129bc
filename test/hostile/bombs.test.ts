import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Broker, startBroker } from '../support/broker.ts'
import { bombDelays } from './bomb-delays.ts'

/** The windows of the decoders, and what the heap of a thread takes. */
const growthMibMax = 96
let broker: Broker

beforeAll(async () => {
  broker = await startBroker()
})
afterAll(() => broker?.remove())

test('validation: batches that decode to gigabytes are accepted, and neither hold up other connections nor take memory', async () => {
  const { errors, during, seconds, rssGrowthMib } = await bombDelays(broker)
  expect(errors).toEqual(errors.map(() => 0))
  // On a busy machine everything takes long; what must not be is that one request waits for the bombs.
  expect(during.longestMs).toBeLessThan(Math.max(250, seconds * 250))
  expect(during.count).toBeGreaterThan(10)
  expect(rssGrowthMib).toBeLessThan(growthMibMax)
})
