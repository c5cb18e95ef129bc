import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { below, nextWord, type Prng, prng } from '../../../src/base/prng.ts'
import { createTopic } from '../../support/admin.ts'
import { encodeBatch } from '../../support/batch.ts'
import { type Broker, brokerKind, startBroker } from '../../support/broker.ts'
import { Writer } from '../../support/bytes.ts'
import { Connection, connected } from '../../support/connection.ts'
import { openFiles } from '../../support/process-figures.ts'
import * as requests from '../../support/requests.ts'
import { api, requestFrame } from '../../support/requests.ts'

const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31)
const limitMs = 60_000
const settleMs = 15_000
/** Memory that a broker allocates once for all its work is touched gradually, and counts only then. */
const growthMibMax = 256
/** A segment or an index that was opened in the meantime is not a leak. */
const ownFilesMax = 16
let broker: Broker
let filesBefore = 0
let rssBefore = 0

beforeAll(async () => {
  broker = await startBroker({ settings: { 'auto.create.topics.enable': 'false' } })
  await connected(broker.port, async (connection) => {
    await createTopic(connection, 'flood')
    for (let batch = 0; batch < 32; batch += 1) await produce(connection, 256 << 10)
  })
  filesBefore = openFiles(broker.pid)
  rssBefore = broker.figures().rssMib
}, limitMs)

afterAll(() => broker?.remove())

async function produce(connection: Connection, bytes: number): Promise<void> {
  const records = encodeBatch([{ value: Buffer.alloc(bytes) }])
  const [answer] = requests.readProduce(await connection.call(api.produce, requests.produce([{ topic: 'flood', partition: 0, records }])))
  expect(answer?.error).toBe(0)
}

/** The broker is alive at its usual size, and has closed every connection of the test. The heap of a Kafka does not reflect its clients. */
async function isAsBefore(): Promise<void> {
  await connected(broker.port, (connection) => produce(connection, 100))
  const deadline = performance.now() + settleMs
  while (openFiles(broker.pid) > filesBefore + ownFilesMax && performance.now() < deadline) await pause(20)
  expect(openFiles(broker.pid), 'open files').toBeLessThanOrEqual(filesBefore + ownFilesMax)
  if (brokerKind() === 'millrace') expect(broker.figures().rssMib - rssBefore, 'growth of the resident set, MiB').toBeLessThan(growthMibMax)
}

const openMany = (count: number): Promise<Connection[]> => Promise.all(Array.from({ length: count }, () => Connection.open(broker.port)))
const closeAll = (connections: readonly Connection[]): Promise<unknown> => Promise.all(connections.map((each) => each.close()))

const randomBytes = (random: Prng, count: number): Buffer => Buffer.from(Array.from({ length: count }, () => nextWord(random) & 0xff))

const seeded = (work: (random: Prng) => Promise<void>) => () =>
  work(prng(seed)).catch((error: unknown) => {
    throw new Error(`${error instanceof Error ? error.message : error} (again with SEED=${seed})`, { cause: error })
  })

test(
  'floods: random bytes, framed and not, end their own connection at most',
  seeded(async (random) => {
    for (let wave = 0; wave < 5; wave += 1) {
      const connections = await openMany(40)
      for (const [index, connection] of connections.entries()) {
        const bytes = randomBytes(random, below(random, 2000))
        connection.send(index % 2 === 0 ? bytes : new Writer().bytes(bytes).finish())
      }
      await connected(broker.port, (connection) => produce(connection, 100))
      await closeAll(connections)
    }
    await isAsBefore()
  }),
  limitMs,
)

const valid: readonly Buffer[] = [
  requestFrame(api.apiVersions, new Writer(), 1),
  requestFrame({ key: 18, version: 3, flexible: true }, new Writer().compactString('name').compactString('1').noTags(), 1),
  requestFrame(api.metadata, requests.metadata(['flood']), 1),
  requestFrame(api.listOffsets, requests.listOffsets('flood', 0, -1n), 1),
  requestFrame(api.initProducerId, requests.initProducerId(), 1),
  requestFrame(api.fetch, requests.fetchRequest([{ topic: 'flood', partition: 0, offset: 3n }], { maxBytes: 1000 }), 1),
  requestFrame(api.produce, requests.produce([{ topic: 'flood', partition: 0, records: encodeBatch([{ value: Buffer.from('v') }]) }]), 1),
]

test(
  'floods: requests with a few bytes changed end their own connection at most',
  seeded(async (random) => {
    for (let wave = 0; wave < 10; wave += 1) {
      const connections = await openMany(40)
      for (const connection of connections) {
        const frame = Buffer.from(valid[below(random, valid.length)]!)
        for (let change = below(random, 4); change >= 0; change -= 1) frame[4 + below(random, frame.length - 4)] = nextWord(random) & 0xff
        connection.send(frame)
      }
      await connected(broker.port, (connection) => produce(connection, 100))
      await closeAll(connections)
    }
    await isAsBefore()
  }),
  limitMs,
)

test(
  'floods: half a frame, then nothing, then the end of the connection leaves nothing behind',
  async () => {
    const connections = await openMany(100)
    connections.forEach((connection, index) => {
      const frame = valid[index % valid.length]!
      connection.send(frame.subarray(0, 1 + (index % (frame.length - 1))))
    })
    await connected(broker.port, (connection) => produce(connection, 100))
    await closeAll(connections)
    await isAsBefore()
  },
  limitMs,
)

test(
  'floods: a request that comes one byte at a time is answered like any other',
  async () => {
    await connected(broker.port, async (connection) => {
      const frame = valid[2]!
      const answer = connection.exchange(frame.subarray(0, 1), false)
      for (let at = 1; at < frame.length; at += 1) {
        await pause(1)
        connection.send(frame.subarray(at, at + 1))
      }
      expect(requests.readMetadata(await answer)[0]?.error).toBe(0)
    })
    await isAsBefore()
  },
  limitMs,
)

test(
  'floods: a thousand silent connections do not keep fifty busy ones from being served',
  async () => {
    const silent = await openMany(1000)
    const busy = await openMany(50)
    for (let round = 0; round < 20; round += 1) await Promise.all(busy.map((connection) => produce(connection, 2000)))
    expect(silent.filter((connection) => connection.isClosed)).toEqual([])
    await closeAll([...silent, ...busy])
    await isAsBefore()
  },
  limitMs,
)

test(
  'floods: clients that never read their responses use bounded memory and delay no other client',
  async () => {
    const slowReaders = await openMany(8)
    const requested = requestFrame(
      api.fetch,
      requests.fetchRequest([{ topic: 'flood', partition: 0, offset: 0n }], { partitionMaxBytes: 4 << 20 }),
      1,
    )
    for (const connection of slowReaders) {
      connection.socket.pause()
      connection.send(Buffer.concat(Array.from({ length: 200 }, () => requested)))
    }
    for (let round = 0; round < 20; round += 1) await connected(broker.port, (connection) => produce(connection, 10_000))
    if (brokerKind() === 'millrace') expect(broker.figures().rssMib - rssBefore).toBeLessThan(growthMibMax)
    await closeAll(slowReaders)
    await isAsBefore()
  },
  limitMs,
)

test(
  'floods: answers to clients that have gone are dropped',
  async () => {
    for (let wave = 0; wave < 5; wave += 1) {
      const connections = await openMany(40)
      for (const connection of connections) connection.send(Buffer.concat([...valid, ...valid]))
      await closeAll(connections)
    }
    await isAsBefore()
  },
  limitMs,
)

test(
  'floods: a length of a hundred megabytes takes no memory before the bytes are there',
  async () => {
    // A real Kafka allocates the whole buffer at once.
    const connections = await openMany(brokerKind() === 'kafka' ? 2 : 50)
    for (const connection of connections)
      connection.send(Buffer.concat([new Writer().int32(100 << 20).finish(), valid[6]!.subarray(4, 60)]))
    await connected(broker.port, (connection) => produce(connection, 100))
    if (brokerKind() === 'millrace') expect(broker.figures().rssMib - rssBefore).toBeLessThan(growthMibMax)
    await closeAll(connections)
    await isAsBefore()
  },
  limitMs,
)
