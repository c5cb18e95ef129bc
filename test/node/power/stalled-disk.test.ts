import { afterEach, expect, test } from 'vitest'
import { createTopic } from '../../support/admin.ts'
import { encodeBatch } from '../../support/batch.ts'
import { type Broker, freePorts, startBroker } from '../../support/broker.ts'
import { connected } from '../../support/connection.ts'
import { long } from '../../support/long.ts'
import { api, produce, readProduce } from '../../support/requests.ts'
import { UnsyncedFolder, unsyncedMissing } from '../../support/unsynced-folder.ts'

const missing = unsyncedMissing()
if (missing !== undefined) console.warn(`skipped: /healthz with a stalled WAL, ${missing}`)
const mib = 1 << 20

let broker: Broker | undefined
let folder: UnsyncedFolder | undefined
afterEach(async () => {
  folder?.resume()
  await broker?.remove()
  await folder?.unmount()
})

/** Status and text of /healthz, once the status is the expected one. */
async function healthUntil(port: number, status: number): Promise<string> {
  for (;;) {
    const response = await fetch(`http://127.0.0.1:${port}/healthz`)
    const text = await response.text()
    if (response.status === status) return text
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

test.skipIf(missing !== undefined)(
  'health: /healthz is 503 while the disk of the WAL blocks a write, and 200 after it',
  long(90_000),
  async () => {
    folder = await UnsyncedFolder.mount()
    const [metricsPort] = await freePorts(1)
    const settings = {
      's3.wal.path': `0@file://${folder.path}/wal/lane-0.wal?capacity=${64 * mib}`,
      's3.wal.cache.size': String(16 * mib),
      'metrics.listener': `http://127.0.0.1:${metricsPort}`,
    }
    broker = await startBroker({ settings })
    await connected(broker.port, async (connection) => {
      await createTopic(connection, 't')
      expect(await healthUntil(metricsPort!, 200)).toBe('alive\n')
      folder!.stall()
      const records = encodeBatch([{ value: Buffer.from('late') }])
      const response = connection.call(api.produce, produce([{ topic: 't', partition: 0, records }]))
      expect(await healthUntil(metricsPort!, 503)).toMatch(/^not alive: no record has become durable for \d+ s, although records wait\n$/)
      folder!.resume()
      expect(readProduce(await response)[0]!.error).toBe(0)
      expect(await healthUntil(metricsPort!, 200)).toBe('alive\n')
    })
  },
)
