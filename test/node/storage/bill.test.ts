import { afterEach, expect, test } from 'vitest'
import { createTopic } from '../../support/admin.ts'
import { encodeBatch } from '../../support/batch.ts'
import { type Broker, freePorts, startBroker } from '../../support/broker.ts'
import { type Connection, connected } from '../../support/connection.ts'
import { long } from '../../support/long.ts'
import { api, produce, readProduce } from '../../support/requests.ts'
import type { S3Operation } from '../../support/s3/faults.ts'
import type { S3Server } from '../../support/s3/server.ts'
import { storeForLog, until } from './storage-world.ts'

const mib = 1 << 20
const limitMs = 60_000
const records = encodeBatch([{ value: Buffer.alloc(mib / 2, 7) }])
let server: S3Server | undefined
let broker: Broker | undefined
let metricsPort = 0

afterEach(async () => {
  await leave()
})

async function leave(): Promise<void> {
  await broker?.remove()
  await server?.stop()
}

async function start(more: Readonly<Record<string, string>>): Promise<void> {
  const store = await storeForLog()
  server = store.server
  metricsPort = (await freePorts(1))[0]!
  broker = await startBroker({ settings: { ...store.settings, ...more, 'metrics.listener': `http://127.0.0.1:${metricsPort}` } })
}

async function send(connection: Connection, count: number): Promise<void> {
  for (let sent = 0; sent < count; sent++) {
    const answer = await connection.call(api.produce, produce([{ topic: 't', partition: 0, records }]))
    expect(readProduce(answer)[0]!.error).toBe(0)
  }
}

async function bill(): Promise<(row: string) => number> {
  const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()
  return (row) => Number(new RegExp(`^millrace_store_${row}_total (\\d+)`, 'm').exec(text)![1])
}

/** Requests that the server received, in the rows of the bill. */
const rows: Readonly<Record<string, readonly S3Operation[]>> = {
  put_requests: ['put', 'uploadPart'],
  post_requests: ['createUpload', 'completeUpload'],
  copy_requests: ['copyObject', 'copyPart'],
  list_requests: ['list', 'listUploads'],
  get_requests: ['get'],
  head_requests: ['head'],
  delete_requests: ['removeMany', 'delete', 'abortUpload'],
}

test(
  'request bill: the bill of a node whose log is in the store has every request that the store saw, and every byte of the log',
  async () => {
    await start({})
    await connected(broker!.port, async (connection) => {
      await createTopic(connection, 't', 1)
      await send(connection, 16)
    })
    // The WAL, and the objects built from it.
    await until(async () => (await bill())('sent_bytes') > 14 * mib)
    await until(async () => {
      const before = new Map(server!.requests)
      const row = await bill()
      return Object.entries(rows).every(([name, operations]) => {
        const seen = operations.reduce((sum, operation) => sum + (before.get(operation) ?? 0), 0)
        return row(name) === seen
      })
    })
  },
  limitMs,
)

/** Seconds that 24 batches of half a MiB take one after another, with the log in the store. */
async function sendSeconds(bandwidth: string): Promise<number> {
  await start({ 's3.network.baseline.bandwidth': bandwidth })
  return connected(broker!.port, async (connection) => {
    await createTopic(connection, 't', 1)
    const began = performance.now()
    await send(connection, 24)
    return (performance.now() - began) / 1000
  }).finally(leave)
}

test(
  'request bill: the write-ahead log is limited by s3.network.baseline.bandwidth, and has priority over objects',
  long(limitMs),
  async () => {
    // The machine may be busy: the limited node is compared with an unlimited one, before and after it.
    const before = await sendSeconds('1GiB')
    const limited = await sendSeconds('4MiB')
    const unlimited = Math.max(before, await sendSeconds('1GiB'))
    // Twelve MiB of WAL at 4 MiB/s, minus a burst of a tenth of a second and a piece.
    expect(limited).toBeGreaterThan(2)
    // Objects get what the log leaves. Without the priority, the difference is 4.2 s and more.
    expect(limited - unlimited).toBeLessThan(4)
  },
)
