import { execFileSync, spawnSync } from 'node:child_process'
import { afterEach, expect, test } from 'vitest'
import { createTopic, readAll } from '../../support/admin.ts'
import { encodeBatch } from '../../support/batch.ts'
import { type Broker, startBroker } from '../../support/broker.ts'
import { connected } from '../../support/connection.ts'
import { api, produce, readProduce } from '../../support/requests.ts'

const limitMs = 60_000
const sentMax = 5000
const sentBefore = 200
const missing = spawnSync('prlimit', ['--version']).status === 0 ? null : 'there is no prlimit'
if (missing) console.warn(`skipped: a disk that fails, ${missing}`)
let broker: Broker | undefined

afterEach(() => broker?.remove())

test.runIf(missing === null)(
  'failed write: a failed write to the log stops the node with its reason, and no acknowledged record is lost',
  async () => {
    broker = await startBroker()
    const { port, pid } = broker
    const acknowledged: string[] = []
    await connected(port, async (connection) => {
      await createTopic(connection, 't', 1)
      for (let i = 0; i < sentMax; i++) {
        // From here on, the file system rejects writes after the first block of a file.
        if (i === sentBefore) execFileSync('prlimit', ['--pid', String(pid), '--fsize=4096'])
        const value = `record ${i}`
        const records = encodeBatch([{ value: Buffer.from(value) }])
        const [answer] = readProduce(await connection.call(api.produce, produce([{ topic: 't', partition: 0, records }])))
        expect(answer!.error).toBe(0)
        acknowledged.push(value)
      }
    }).catch((error: Error) => {
      if (acknowledged.length < sentBefore) throw error
    })
    expect(acknowledged.length).toBeLessThan(sentMax)
    expect(await broker.stop()).toBe(1)
    expect(broker.log).toContain('the node stops: the persistence thread failed')
    expect(broker.log).toContain('EFBIG')
    await broker.start()
    const found = await connected(port, (connection) => readAll(connection, 't', 0))
    expect(found.slice(0, acknowledged.length).map(({ value }) => value!.toString())).toEqual(acknowledged)
    // The record in flight may be in the log.
    expect(found.length - acknowledged.length).toBeLessThanOrEqual(1)
  },
  limitMs,
)
