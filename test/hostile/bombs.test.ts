import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTopic } from '../support/admin.ts'
import { encodeBatch } from '../support/batch.ts'
import { gzipBomb, lz4Bomb, snappyBomb, zstdBomb } from '../support/bombs.ts'
import { type Broker, startBroker } from '../support/broker.ts'
import { Connection, connected } from '../support/connection.ts'
import { api, produce, readProduce } from '../support/requests.ts'

/** A request of another connection may take this long meanwhile: the bombs take seconds, and this machine may be busy. */
const delayMaxMs = 250
/** The decoders' windows, in all; and what a heap varies by. */
const growthMibMax = 96
const topic = 'bombs'
let broker: Broker

beforeAll(async () => {
  broker = await startBroker()
  await connected(broker.port, (connection) => createTopic(connection, topic, 2))
})
afterAll(() => broker?.remove())

const send = async (connection: Connection, partition: number, records: Buffer): Promise<number> =>
  readProduce(await connection.call(api.produce, produce([{ topic, partition, records }])))[0]!.error

/** Small batches, one after the other, until `isOver`: the longest that one took, and how many there were. */
async function beats(isOver: () => boolean): Promise<{ longestMs: number; count: number }> {
  const records = encodeBatch([{ value: Buffer.from('beat') }])
  return connected(broker.port, async (connection) => {
    let longestMs = 0
    let count = 0
    for (; !isOver(); count++) {
      const began = performance.now()
      expect(await send(connection, 1, records)).toBe(0)
      longestMs = Math.max(longestMs, performance.now() - began)
    }
    return { longestMs, count }
  })
}

test('compressed batches that decode to gigabytes are accepted, take no memory and delay nobody else', async () => {
  const bombs = [
    ...[0, 1, 2, 3].map(() => zstdBomb(1800 << 20)),
    ...[0, 1].map(() => gzipBomb(900 << 20)),
    ...[0, 1].map(() => lz4Bomb(230 << 20)),
    snappyBomb(20 << 20),
  ]
  let over = false
  const warm = beats(() => over)
  await pause(500)
  over = true
  const before = await warm
  const rssBefore = broker.figures().rssMib
  over = false
  const connections = await Promise.all(bombs.map(() => Connection.open(broker.port)))
  const beating = beats(() => over)
  const began = performance.now()
  const errors = await Promise.all(bombs.map((bomb, i) => send(connections[i]!, 0, bomb)))
  const seconds = (performance.now() - began) / 1000
  over = true
  const during = await beating
  const rssMib = broker.figures().rssMib - rssBefore
  console.log({ before, during, seconds, rssMib, inputMib: bombs.reduce((sum, { length }) => sum + length, 0) / 2 ** 20 })
  await Promise.all(connections.map((connection) => connection.close()))
  expect(errors).toEqual(bombs.map(() => 0))
  expect(during.longestMs).toBeLessThan(delayMaxMs)
  expect(during.count).toBeGreaterThan(20)
  expect(rssMib).toBeLessThan(growthMibMax)
})
