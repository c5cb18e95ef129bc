import { statSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { errors } from '../../../src/wire/errors.ts'
import { createTopic, readAll } from '../../support/admin.ts'
import { encodeBatch } from '../../support/batch.ts'
import { type Broker, freePorts, startBroker } from '../../support/broker.ts'
import { Connection, connected } from '../../support/connection.ts'
import { long } from '../../support/long.ts'
import { api, createTopics, deleteTopics, produce, readNamedErrors, readProduce } from '../../support/requests.ts'
import { SmallDisk, smallDiskMissing } from '../../support/small-disk.ts'

const missing = smallDiskMissing()
if (missing !== undefined) console.warn(`full disks are not tried: ${missing}`)

const walBytes = 32 << 20
const settings = { 's3.wal.path': `file://?capacity=${walBytes}`, 's3.wal.cache.size': '16MiB' }
const limitMs = 60_000
const topic = 'full'
let disk: SmallDisk
let broker: Broker | undefined

afterEach(async () => {
  await broker?.remove()
  disk?.unmount()
})

const send = async (connection: Connection, bytes: number, name = topic): Promise<number> => {
  const records = encodeBatch([{ value: Buffer.alloc(bytes, 'x') }])
  return readProduce(await connection.call(api.produce, produce([{ topic: name, partition: 0, records }], -1, null, 1000)))[0]!.error
}

/** Produces large records until the broker accepts no more; returns the number of acknowledged ones. */
async function produceUntilFull(port: number): Promise<number> {
  return connected(port, async (connection) => {
    let acknowledged = 0
    for (let i = 0; i < 300; i++) {
      const error = await send(connection, 512 << 10)
      if (error === errors.REQUEST_TIMED_OUT.code) return acknowledged
      expect(error).toBe(0)
      acknowledged++
    }
    throw new Error('the disk does not become full')
  })
}

async function untilAccepted(port: number): Promise<void> {
  for (let i = 0; i < 30; i++) if ((await connected(port, (connection) => send(connection, 100))) === 0) return
  throw new Error('nothing is accepted although there is space again')
}

const count = async (port: number): Promise<number> => (await connected(port, (connection) => readAll(connection, topic, 0))).length

const logs = [
  ['a circular log', {}],
  ['a log in segments', { 's3.wal.cache.size': '8MiB' }],
  ['logs of three lanes', { lanes: '3', 's3.wal.path': 'file://?capacity=16MiB', 's3.wal.cache.size': '8MiB' }],
] as const

for (const [kind, log] of logs) {
  test.skipIf(missing !== undefined)(
    `disk full: with ${kind}, acknowledged records are read before and after kill -9, producers get a retriable error, and free space ends it without a restart`,
    long(limitMs),
    async () => {
      disk = new SmallDisk(100)
      const [metricsPort] = await freePorts(1)
      const all = { ...settings, ...log, 'metrics.listener': `http://127.0.0.1:${metricsPort}` }
      broker = await startBroker({ under: disk.path, settings: all })
      await connected(broker.port, (connection) => createTopic(connection, topic))
      const acknowledged = await produceUntilFull(broker.port)
      disk.fill()
      for (let round = 0; round < 3; round++) {
        expect(await count(broker.port)).toBeGreaterThanOrEqual(acknowledged)
        await broker.kill()
        await broker.start()
      }
      expect(await count(broker.port)).toBeGreaterThanOrEqual(acknowledged)
      disk.free()
      disk.resize(200)
      await untilAccepted(broker.port)
      expect(await count(broker.port)).toBeGreaterThan(acknowledged)
    },
  )
}

test.skipIf(missing !== undefined)(
  'disk full: topics are refused with a retriable error, a deletion succeeds, and the node continues when there is space',
  async () => {
    disk = new SmallDisk(100)
    broker = await startBroker({ under: disk.path, settings })
    const { port } = broker
    await connected(port, (connection) => createTopic(connection, topic))
    const connection = await Connection.open(port)
    expect(await send(connection, 100)).toBe(0)
    // The write-ahead log is prepared, so it needs no more space.
    const log = join(broker.folder, 'data', 'wal', 'lane-0.wal')
    await expect.poll(() => statSync(log).blocks * 512).toBeGreaterThan(walBytes)
    disk.fill()
    const create = async (name: string): Promise<number> =>
      readNamedErrors(await connection.call(api.createTopics, createTopics([{ name, partitions: 1000 }])), true).get(name)!
    const made: string[] = []
    let error = 0
    for (let i = 0; i < 200 && error === 0; i++) {
      error = await create(`t${i}`)
      if (error === 0) made.push(`t${i}`)
    }
    expect(error).toBe(errors.KAFKA_STORAGE_ERROR.code)
    expect(broker.log).toContain('the disk is full')
    const deleted = readNamedErrors(await connection.call(api.deleteTopics, deleteTopics([made[0]!])), false)
    expect(deleted.get(made[0]!)).toBe(0)
    expect(await send(connection, 100)).toBe(0)
    disk.free()
    await expect.poll(() => create('after'), { timeout: 20_000, interval: 100 }).toBe(0)
    expect(broker.log).toContain('there is room on the disk again')
    await connection.close()
    await broker.kill()
    await broker.start()
    expect(await count(port)).toBe(2)
  },
  limitMs,
)
