import { readdirSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTopic } from '../../support/admin.ts'
import { type Broker, startBroker } from '../../support/broker.ts'
import { connected } from '../../support/connection.ts'
import { long } from '../../support/long.ts'
import { bombDelays, bombs, farBombs } from './bomb-delays.ts'

/** Memory for the windows of the decoders, and for the heap of a thread. */
const growthMibMax = 96
/** Additional memory for the large window, two batches, and the heap of its thread. */
const largeWindowMib = 200
let broker: Broker

const threadsOf = ({ pid }: Broker): number => readdirSync(`/proc/${pid}/task`).length

beforeAll(async () => {
  broker = await startBroker()
})
afterAll(() => broker?.remove())

test('validation: batches that decode to gigabytes are accepted, and neither hold up other connections nor take memory', async () => {
  const { errors, during, seconds, rssGrowthMib } = await bombDelays(broker, 'bombs', bombs())
  expect(errors).toEqual(errors.map(() => 0))
  // On a busy machine all requests take long, but no single request may wait for the bombs.
  expect(during.longestMs).toBeLessThan(Math.max(250, seconds * 250))
  expect(during.count).toBeGreaterThan(10)
  expect(rssGrowthMib).toBeLessThan(growthMibMax)
})

test(
  'validation: batches that refer back far are accepted as by Kafka, do not hold up other connections, and their memory is returned',
  long(60_000),
  async () => {
    const rssBefore = broker.figures().rssMib
    const { errors, during, seconds, rssGrowthMib } = await bombDelays(broker, 'far', farBombs())
    const threads = threadsOf(broker)
    expect(errors).toEqual(errors.map(() => 0))
    expect(during.longestMs).toBeLessThan(Math.max(250, seconds * 250))
    expect(during.count).toBeGreaterThan(10)
    expect(rssGrowthMib).toBeLessThan(growthMibMax + largeWindowMib)
    await expect.poll(() => broker.figures().rssMib - rssBefore, { timeout: 20_000, interval: 200 }).toBeLessThan(growthMibMax)
    // The thread with the large window ends, and the node continues.
    await expect.poll(() => threadsOf(broker), { timeout: 20_000, interval: 200 }).toBeLessThan(threads)
    await connected(broker.port, (connection) => createTopic(connection, 'afterwards'))
  },
)
