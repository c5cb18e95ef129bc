import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTopic, readAll } from '../../support/admin.ts'
import { encodeBatch } from '../../support/batch.ts'
import { connected } from '../../support/connection.ts'
import { long } from '../../support/long.ts'
import { api, deleteTopics, listOffsets, produce, readListOffsets, readProduce } from '../../support/requests.ts'
import type { S3Server } from '../../support/s3/server.ts'
import type { CrashWorld } from '../crash/crash-world.ts'
import { boundMib, crashWorldOn, objectsIn, storeForBroker, until } from './storage-world.ts'

const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31)
const limitMs = 90_000
let world: CrashWorld
let server: S3Server

beforeAll(async () => {
  ;({ server, world } = await crashWorldOn(storeForBroker(), seed))
}, limitMs)

afterAll(async () => {
  await world?.broker.remove()
  await server?.stop()
})

const stored = (): number => objectsIn(server).length

test(
  `node with store faults: every record is read despite errors, broken connections and damaged reads (seed ${seed})`,
  async () => {
    server.faults.set(
      { operation: 'put', fault: { type: 'error', status: 503, code: 'SlowDown', when: 'before' }, permille: 200 },
      { operation: 'put', fault: { type: 'error', status: 500, code: 'InternalError', when: 'after' }, permille: 200 },
      { operation: 'put', fault: { type: 'reset', when: 'body' }, permille: 100 },
      { operation: 'get', fault: { type: 'reset', when: 'before' }, permille: 100 },
      { operation: 'get', fault: { type: 'truncate' }, permille: 100 },
      { operation: 'get', fault: { type: 'corrupt' }, permille: 100 },
      { operation: 'get', fault: { type: 'short' }, permille: 50 },
    )
    const before = stored()
    await world.load(2500)
    await until(() => stored() > before)
    await world.verifyFromStart()
    server.faults.clear()
    await world.verifyFromStart()
  },
  limitMs,
)

test(
  'node with store faults: a full log blocks appends in an outage, and they continue without a restart after it',
  long(limitMs),
  async () => {
    await server.stop()
    const before = world.acknowledged
    // More than the capacity of the log: the last records wait for the store, and are neither rejected permanently nor lost.
    await world.load(4000)
    const during = world.acknowledged
    expect(during).toBeGreaterThan(before)
    const { rssMib } = world.broker.figures()
    expect(rssMib, 'memory stays bounded while the store is away').toBeLessThan(boundMib())
    await server.start()
    await world.load(1500)
    await world.settle()
    expect(world.acknowledged).toBeGreaterThan(during)
    await world.verifyFromStart()
  },
)

test(
  'node with store faults: a start during an outage serves the records of the log, and older ones after the outage',
  long(limitMs),
  async () => {
    await world.broker.stop()
    await server.stop()
    await world.broker.start()
    const { port } = world.broker
    await connected(port, async (connection) => {
      await createTopic(connection, 'new', 1)
      const sent = produce([{ topic: 'new', partition: 0, records: encodeBatch([{ value: Buffer.from('while it is away') }]) }])
      expect(readProduce(await connection.call(api.produce, sent))[0]!.error).toBe(0)
      expect((await readAll(connection, 'new', 0)).length).toBe(1)
    })
    await server.start()
    await world.verifyFromStart()
  },
)

test(
  'node with store faults: records beyond retention.ms and their objects are removed',
  async () => {
    const { port } = world.broker
    await connected(port, async (connection) => {
      await createTopic(connection, 'aged', 1, { 'retention.ms': '1500' })
      for (let batch = 0; batch < 60; batch++) {
        const records = encodeBatch(Array.from({ length: 50 }, () => ({ value: Buffer.alloc(1000, batch) })))
        await connection.call(api.produce, produce([{ topic: 'aged', partition: 0, records }]))
      }
      const start = async (): Promise<bigint> => readListOffsets(await connection.call(api.listOffsets, listOffsets('aged', 0, -2n))).offset
      await until(async () => (await start()) === 3000n)
      expect(await readAll(connection, 'aged', 0, 3000n)).toEqual([])
      await connection.call(api.deleteTopics, deleteTopics(['crash', 'new', 'aged']))
      await until(() => stored() === 0)
    })
  },
  limitMs,
)
