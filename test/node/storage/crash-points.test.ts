import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTopic, deleteAllTopics } from '../../support/admin.ts'
import { encodeBatch } from '../../support/batch.ts'
import { connected } from '../../support/connection.ts'
import { long, longIf } from '../../support/long.ts'
import { api, produce } from '../../support/requests.ts'
import type { S3Server } from '../../support/s3/server.ts'
import type { CrashWorld } from '../crash/crash-world.ts'
import { shortLivedTopic } from './short-lived-topic.ts'
import { crashWorldOn, objectsIn, storeForBroker, until } from './storage-world.ts'

const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31)
const limitMs = 60_000
const loadMsMax = 2000
const partitions = 6
let world: CrashWorld
let server: S3Server

beforeAll(async () => {
  ;({ server, world } = await crashWorldOn(storeForBroker(), seed, { partitions }))
}, limitMs)

afterAll(async () => {
  await world?.broker.remove()
  await server?.stop()
})

const points = [
  'object prepared',
  'object stored:2',
  'object committed',
  'producers saved:2',
  'log trimmed',
  'compaction written',
  'compaction committed',
  'objects marked',
  'objects removed',
  'objects forgotten',
] as const

const short: readonly string[] = ['object committed']

for (const point of points) {
  test(`a crash at "${point}" loses, reorders and repeats nothing (seed ${seed})`, longIf(!short.includes(point), limitMs), async () => {
    const hasDied = await world
      .dieAt(point, loadMsMax, () => shortLivedTopic(world.broker.port))
      .catch((error: Error) => {
        throw new Error(`${error.message}\n${world.broker.log.slice(-3000)}`, { cause: error })
      })
    expect(hasDied, `the broker dies at "${point}"`).toBe(true)
  })
}

test(
  'a crash while retention moves the start of a log leaves a log that starts somewhere later and has everything behind that',
  long(limitMs),
  async () => {
    const died = await world.dieAt('log start moved', loadMsMax, async () => {
      await connected(world.broker.port, async (connection) => {
        await createTopic(connection, 'old', 1, { 'retention.ms': '1' })
        await connection.call(api.produce, produce([{ topic: 'old', partition: 0, records: encodeBatch([{ value: Buffer.from('x') }]) }]))
      })
    })
    expect(died).toBe(true)
  },
)

test(
  'afterwards everything is there once and in order, and when its topics are gone the store is empty',
  async () => {
    await world.settle()
    await world.verifyFromStart()
    expect(objectsIn(server).length).toBeGreaterThan(0)
    const { port } = world.broker
    await connected(port, deleteAllTopics)
    await until(() => objectsIn(server).length === 0)
    expect(server.buckets.get('millrace')!.uploads.size).toBe(0)
  },
  limitMs,
)
