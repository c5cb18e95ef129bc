import { afterAll, beforeAll, expect, test } from 'vitest'
import { below, prng } from '../../src/base/prng.ts'
import { createTopic } from '../support/admin.ts'
import { type Broker, startBroker } from '../support/broker.ts'
import { type Connection, connected } from '../support/connection.ts'
import { busyCleaner, eager, lastOfEach, put, readOn, type Seen } from './compacted-topic.ts'
import { smallLog, until } from './storage-world.ts'

const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31)
const limitMs = 60_000
const random = prng(seed)
let broker: Broker

beforeAll(async () => {
  broker = await startBroker({ settings: { ...smallLog, ...busyCleaner } })
}, limitMs)

afterAll(() => broker?.remove())

const gzip = 1

/** Some batches of random records of few keys; one in five is a tombstone. Adds to what was sent. */
async function putSome(connection: Connection, topic: string, sent: Seen[], batches: number): Promise<void> {
  for (let batch = 0; batch < batches; batch++) {
    const records = Array.from({ length: 1 + below(random, 20) }, (): [string, string | null] => [
      `key-${below(random, 30)}`,
      below(random, 5) === 0 ? null : `value-${sent.length}-${'x'.repeat(below(random, 500))}`,
    ])
    const base = Number(await put(connection, topic, records, { attributes: below(random, 2) * gzip }))
    sent.push(...records.map(([key, value], index) => ({ offset: base + index, key, value })))
  }
}

test(
  `a compacted topic comes to hold the last record of each key, at its offset and in order, while it is written and read (seed ${seed})`,
  async () => {
    await connected(broker.port, async (connection) => {
      await createTopic(connection, 'states', 1, eager)
      const sent: Seen[] = []
      for (let round = 0; round < 5; round++) {
        await putSome(connection, 'states', sent, 40)
        await until(async () => {
          const seen = await readOn(connection, 'states')
          // Whatever has gone by now, the last of each key is there.
          const last = lastOfEach(sent)
          expect(seen.filter(({ offset }) => last.some((each) => each.offset === offset))).toEqual(last)
          return seen.length === last.length
        })
      }
      expect(await readOn(connection, 'states')).toEqual(lastOfEach(sent))
      for (let from = 0; from < sent.length; from += 97) {
        expect(await readOn(connection, 'states', from)).toEqual(lastOfEach(sent).filter(({ offset }) => offset >= from))
      }
      await broker.kill()
      await broker.start()
    })
    await connected(broker.port, async (connection) => {
      expect((await readOn(connection, 'states')).length).toBe(30)
    })
  },
  limitMs,
)
