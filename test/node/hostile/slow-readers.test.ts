import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { createTopic, eachRecord } from '../../support/admin.ts'
import { encodeBatch } from '../../support/batch.ts'
import { startBroker } from '../../support/broker.ts'
import { Connection, connected } from '../../support/connection.ts'
import { longIf } from '../../support/long.ts'
import * as requests from '../../support/requests.ts'
import { api, requestFrame } from '../../support/requests.ts'

const limitMs = 120_000
/** Maximum growth of the resident set caused by clients that do not read, regardless of their number. */
const boundMib = 128
const batchBytes = 900_000

/**
 * Location of the fetched records: in the log cache and the WAL file, or only in objects. `batches` are more than the log cache contains,
 * and in the store, together with the same amount of another topic, more than the log itself.
 */
const places = {
  'small log': { batches: 50, rounds: 20, settings: { 's3.wal.path': 'file://?capacity=128MiB', 's3.wal.cache.size': '16MiB' } },
  log: { batches: 200, rounds: 60, settings: {} },
  store: {
    batches: 200,
    rounds: 60,
    settings: { 's3.wal.path': 'file://?capacity=128MiB', 's3.wal.upload.threshold': '8MiB', 's3.wal.upload.interval.ms': '500' },
  },
} as const

const produce = (connection: Connection, topic: string, bytes: number): Promise<unknown> =>
  connection.call(api.produce, requests.produce([{ topic, partition: 0, records: encodeBatch([{ value: Buffer.alloc(bytes) }]) }]))

describe.each(Object.entries(places))(
  'send queues: clients that never read their Fetch answers, records in the %s',
  (place, { batches, rounds, settings }) => {
    for (const count of [20, 200]) {
      test(
        `${count} of them add a bounded amount of memory, and others are served`,
        longIf(count > 20 || place !== 'small log', limitMs),
        async () => {
          const broker = await startBroker({ settings })
          await connected(broker.port, async (connection) => {
            for (const topic of ['flood', 'other']) {
              await createTopic(connection, topic)
              for (let i = 0; i < batches; i++) await produce(connection, topic, batchBytes)
            }
            // The block cache has a separate limit: it is filled before the measurement.
            await eachRecord(connection, 'flood', 0, 0n, () => {})
          })
          const before = broker.figures().rssMib
          const topic = place === 'store' ? 'flood' : 'other'
          const slowReaders = await Promise.all(Array.from({ length: count }, () => Connection.open(broker.port)))
          slowReaders.forEach((connection, index) => {
            connection.socket.pause()
            const offset = BigInt(index % (batches - 10))
            const requested = requests.fetchRequest([{ topic, partition: 0, offset }], { partitionMaxBytes: 8 << 20, maxBytes: 64 << 20 })
            connection.send(Buffer.concat(Array.from({ length: 200 }, () => requestFrame(api.fetch, requested, 1))))
          })
          let peak = 0
          for (let round = 0; round < rounds; round++) {
            await pause(50)
            await connected(broker.port, (connection) => produce(connection, 'other', 100_000))
            peak = Math.max(peak, broker.figures().rssMib)
          }
          expect(peak - before).toBeLessThan(boundMib)
          // A client that reads still receives cold records.
          await connected(broker.port, (connection) => eachRecord(connection, 'flood', 0, BigInt(batches - 50), () => {}))
          await Promise.all(slowReaders.map((connection) => connection.close()))
          await broker.remove()
        },
      )
    }
  },
)
