import { afterAll, beforeAll, expect, test } from 'vitest'
import { below, chance, prng } from '../../../src/base/prng.ts'
import { createTopic, untilLed } from '../../support/admin.ts'
import { type Broker, startBroker } from '../../support/broker.ts'
import { connected } from '../../support/connection.ts'
import { long } from '../../support/long.ts'
import { api, deleteTopics } from '../../support/requests.ts'
import type { S3Server } from '../../support/s3/server.ts'
import { busyCleaner, eager, lastOfEach, put, readOn, type Seen } from './compacted-topic.ts'
import { objectsIn, storeForBroker, until } from './storage-world.ts'

const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31)
const limitMs = 60_000
const random = prng(seed)
const topic = 'states'
let broker: Broker
let server: S3Server
const acknowledged: Seen[] = []

beforeAll(async () => {
  const store = await storeForBroker()
  server = store.server
  broker = await startBroker({ settings: { ...store.settings, ...busyCleaner } })
  await connected(broker.port, async (connection) => {
    await createTopic(connection, topic, 1, { ...eager, 'segment.ms': '200' })
    await createTopic(connection, 'beside', 1)
  })
}, limitMs)

afterAll(async () => {
  await broker?.remove()
  await server?.stop()
})

/** Writes until the broker dies, also to a second topic, so that both share objects. */
async function writeUntilItDies(): Promise<void> {
  await connected(broker.port, async (connection) => {
    while (broker.isRunning) {
      const records = Array.from({ length: 1 + below(random, 20) }, (): [string, string | null] => [
        `key-${below(random, 50)}`,
        chance(random, 200) ? null : `value-${below(random, 2 ** 30)}${'.'.repeat(below(random, 2000))}`,
      ])
      const base = Number(await put(connection, topic, records))
      acknowledged.push(...records.map(([key, value], index) => ({ offset: base + index, key, value })))
      await put(connection, 'beside', [['k', `${base}`]])
    }
  }).catch(() => {})
}

/** A batch that was not acknowledged may be in the log: then it is after all acknowledged ones. */
async function verify(): Promise<void> {
  await connected(broker.port, async (connection) => {
    await untilLed(connection, topic, 1)
    const seen = await readOn(connection, topic)
    expect(seen).toEqual(seen.toSorted((a, b) => a.offset - b.offset))
    const known = new Map(acknowledged.map((record) => [record.offset, record]))
    const unknown = seen.filter(({ offset }) => !known.has(offset))
    for (const record of seen) expect(known.get(record.offset) ?? record).toEqual(record)
    acknowledged.push(...unknown)
    acknowledged.sort((a, b) => a.offset - b.offset)
    const present = new Set(seen.map(({ offset }) => offset))
    for (const last of lastOfEach(acknowledged)) expect(present.has(last.offset), `offset ${last.offset} of ${last.key}`).toBe(true)
  })
}

const points = [
  'cleaning written',
  'cleaning written:4',
  'cleaning committed',
  'cleaning committed:4',
  'object committed:3',
  'objects removed:2',
]

for (const point of points) {
  test(
    `compaction crashes: a crash at "${point}" loses no key, repeats none, and moves no offset (seed ${seed})`,
    long(limitMs),
    async () => {
      await broker.stop()
      await broker.start({ MILLRACE_CRASH_POINT: point })
      await writeUntilItDies()
      await until(() => !broker.isRunning)
      await broker.start()
      await verify()
    },
  )
}

test(
  'compaction crashes: afterwards the topic comes to hold each key once, and when the topics are gone the store is empty',
  long(limitMs),
  async () => {
    await connected(broker.port, async (connection) => {
      const last = lastOfEach(acknowledged)
      await until(async () => (await readOn(connection, topic)).length === last.length)
      expect(await readOn(connection, topic)).toEqual(last)
      expect((await readOn(connection, 'beside')).map(({ offset }) => offset)).toEqual(
        Array.from({ length: (await readOn(connection, 'beside')).length }, (_, i) => i),
      )
      await connection.call(api.deleteTopics, deleteTopics([topic, 'beside']))
      await until(() => objectsIn(server).length === 0)
    })
  },
)
