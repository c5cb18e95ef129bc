import { statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { segmentsIn } from '../../../native-free-io/disk/segment-files.ts'
import { logStart } from '../../../src/wal/wal-superblock.ts'
import { readAll } from '../../support/admin.ts'
import { encodeBatch } from '../../support/batch.ts'
import type { Broker } from '../../support/broker.ts'
import { connected } from '../../support/connection.ts'
import { long } from '../../support/long.ts'
import { api, produce, readProduce } from '../../support/requests.ts'
import { create, NodeWorld } from './node-world.ts'

const limitMs = 60_000
const mib = 2 ** 20
const topic = 'kept'
const world = new NodeWorld()
afterAll(() => world.remove())

let written = 0
const recordValue = (index: number): Buffer => Buffer.alloc(100_000, `${index} `)

/** One batch for each record. */
const write = (node: Broker, count: number): Promise<void> =>
  connected(node.port, async (connection) => {
    for (let i = 0; i < count; i++) {
      const records = encodeBatch([{ value: recordValue(written) }])
      const [answer] = readProduce(await connection.call(api.produce, produce([{ topic, partition: 0, records }])))
      expect(answer!.error).toBe(0)
      written++
    }
  })

async function verify(node: Broker): Promise<void> {
  const found = await connected(node.port, (connection) => readAll(connection, topic, 0))
  expect(found.length).toBe(written)
  for (const [index, { value }] of found.entries()) expect(Buffer.compare(value!, recordValue(index))).toBe(0)
}

test(
  'segments: a circular log continues in its file and then in segments, over kill -9, and its file becomes small',
  long(limitMs),
  async () => {
    const circular = { 's3.wal.path': `file://?capacity=${32 * mib}`, 's3.wal.cache.size': String(16 * mib) }
    const node = await world.node(circular)
    await node.start()
    await create(node, topic)
    await write(node, 80)
    await node.kill()
    const wal = join(node.folder, 'data', 'wal')
    const file = join(wal, 'lane-0.wal')
    const segments = join(wal, 'lane-0.segments')
    expect(segmentsIn(segments)).toEqual([])
    // With a smaller log cache, the same log is large enough for segments.
    const smaller = { 's3.wal.cache.size': String(8 * mib) }
    for (let round = 0; round < 6; round++) {
      await node.start({}, smaller)
      await verify(node)
      await write(node, 80)
      if (round === 0) expect(statSync(file).size).toBe(logStart + 32 * mib)
      await node.kill()
    }
    await node.start({}, smaller)
    await verify(node)
    expect(segmentsIn(segments)[0]).toBeGreaterThanOrEqual(32 * mib)
    expect(statSync(file).size).toBe(logStart)
  },
)
