import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { createTopic } from '../support/admin.ts'
import { encodeBatch } from '../support/batch.ts'
import { type Broker, prepareBroker } from '../support/broker.ts'
import { connected } from '../support/connection.ts'
import { api, fetchRequest, produce, readFetch, readProduce } from '../support/requests.ts'

/** Runs in every thread before its program: from then on, Node cannot read into a given buffer. */
const removal = `process.binding('tcp_wrap').TCP.prototype.useUserBuffer = undefined`
const valueBytes = 300_000

let broker: Broker | undefined
afterEach(() => broker?.remove())

test('network: a broker whose Node cannot read into a given buffer copies reads, and serves produce and fetch', async () => {
  broker = await prepareBroker()
  const preload = join(broker.folder, 'preload.cjs')
  writeFileSync(preload, removal)
  await broker.start({ NODE_OPTIONS: `--require ${preload}` })
  expect(broker.log.split('\n').filter((line) => line.includes('received bytes are copied'))).toHaveLength(1)
  await connected(broker.port, async (connection) => {
    await createTopic(connection, 't')
    const batches = Array.from({ length: 20 }, (_, i) => encodeBatch([{ value: Buffer.alloc(valueBytes, i) }]))
    const produced = await Promise.all(
      batches.map((records) => connection.call(api.produce, produce([{ topic: 't', partition: 0, records }]))),
    )
    expect(produced.map((answer) => readProduce(answer)[0]!).map(({ error, baseOffset }) => [error, baseOffset])).toEqual(
      batches.map((_, i) => [0, BigInt(i)]),
    )
    const fetched = readFetch(await connection.call(api.fetch, fetchRequest([{ topic: 't', partition: 0, offset: 0n }], { waitMs: 0 })))
    const { error, records } = fetched.parts[0]!
    expect(error).toBe(0)
    expect(records.length).toBe(batches.reduce((sum, batch) => sum + batch.length, 0))
    // A batch gets its base offset in its first eight bytes, and its leader epoch in four.
    let at = 0
    for (const batch of batches) {
      expect(records.subarray(at + 16, at + batch.length).equals(batch.subarray(16))).toBe(true)
      at += batch.length
    }
  })
})

test('network: a broker with a Node that passes the check does not copy reads', async () => {
  broker = await prepareBroker()
  await broker.start()
  expect(broker.log).not.toContain('received bytes are copied')
})
