import { createConnection, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { createTopic } from '../../support/admin.ts'
import { decodeBatches, encodeBatch } from '../../support/batch.ts'
import { type Broker, startBroker } from '../../support/broker.ts'
import { type Connection, connected } from '../../support/connection.ts'
import { api, fetchRequest, produce, readFetch, readProduce, requestFrame } from '../../support/requests.ts'
import { smallLog } from './storage-world.ts'

const limitMs = 90_000
const partitions = 24
const batchesEach = 6
const batchBytes = 250 << 10
let broker: Broker | undefined
const stuck: Socket[] = []

afterEach(async () => {
  for (const socket of stuck.splice(0)) socket.destroy()
  await broker?.remove()
})

const everything = Array.from({ length: partitions }, (_, partition) => ({ topic: 't', partition, offset: 0n }))

async function fill(connection: Connection): Promise<void> {
  await createTopic(connection, 't', partitions)
  for (let i = 0; i < partitions * batchesEach; i++) {
    const records = encodeBatch([{ value: Buffer.alloc(batchBytes, i) }])
    const answer = await connection.call(api.produce, produce([{ topic: 't', partition: i % partitions, records }]))
    expect(readProduce(answer)[0]!.error).toBe(0)
  }
}

/** Fetches all partitions from their starts to their ends; returns the number of requests. */
async function readAll(connection: Connection): Promise<number> {
  const next = everything.map(({ offset }) => offset)
  for (let requests = 1; ; requests++) {
    // The partitions with the lowest offsets are requested first, as a consumer does that rotates its partitions.
    const parts = everything.map((part) => ({ ...part, offset: next[part.partition]! })).sort((a, b) => Number(a.offset - b.offset))
    const { error, parts: answers } = readFetch(await connection.call(api.fetch, fetchRequest(parts)))
    expect(error).toBe(0)
    expect(answers.map((each) => each.error).filter((each) => each !== 0)).toEqual([])
    for (const { partition, records } of answers) {
      for (const { offset } of decodeBatches(records)) if (offset >= next[partition]!) next[partition] = offset + 1n
    }
    if (next.every((offset) => offset === BigInt(batchesEach))) return requests
    expect(requests).toBeLessThan(partitions * batchesEach)
  }
}

const stuckCount = 24
/** The clients have requested 140 MiB. At most 64 MiB may be outside the block cache, and garbage is collected later. */
const growthMibMax = 100

test.each([
  // Three times the capacity of the log.
  ['objects', smallLog],
  // Five times the log cache, and less than the upload threshold.
  [
    'the file of the log',
    { ...smallLog, 's3.wal.path': 'file://?capacity=128MiB', 's3.wal.upload.threshold': '96MiB', 's3.wal.upload.interval.ms': '-1' },
  ],
])(
  'consumers that read more from %s than there is memory for wait for each other and not for ever, beside many that take nothing, and in bounded memory',
  async (_, settings) => {
    broker = await startBroker({ settings })
    const { port } = broker
    await connected(port, fill)
    await connected(port, readAll)
    const before = broker.figures().rssMib
    for (let i = 0; i < stuckCount; i++) {
      const socket = createConnection(port, '127.0.0.1').pause()
      stuck.push(socket)
      // More than the socket buffers contain.
      for (let id = 1; id <= 4; id++) socket.write(requestFrame(api.fetch, fetchRequest(everything), id))
    }
    const readers = Array.from({ length: 3 }, () => connected(port, readAll))
    for (const requests of await Promise.all(readers)) expect(requests).toBeGreaterThan(1)
    expect(broker.figures().rssMib - before, 'growth of the resident set, MiB').toBeLessThan(growthMibMax)
  },
  limitMs,
)
