import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { formerWalPrefix, s3WalHeaderBytes, s3WalKey, s3WalPlaceOf, seal, walPrefix } from '../../../src/wal/s3/wal-object.ts'
import type { Broker } from '../../support/broker.ts'
import { long } from '../../support/long.ts'
import type { S3Server } from '../../support/s3/server.ts'
import { makeFormerWal } from './former-release.ts'
import { create, NodeWorld, read, startError, valuesOf, write } from './node-world.ts'
import { bucketIn, clusterId, keysIn, storeForLog, until } from './storage-world.ts'

const limitMs = 60_000
const former = formerWalPrefix(clusterId, 1)
let world: NodeWorld
let server: S3Server
let node: Broker
let settings: Readonly<Record<string, string>>
beforeEach(async () => {
  world = new NodeWorld()
  const store = await storeForLog()
  server = store.server
  // Records stay in the WAL.
  settings = { ...store.settings, 's3.wal.upload.interval.ms': '-1', 's3.wal.upload.threshold': '4MiB' }
  node = await world.node(settings)
}, limitMs)
afterEach(async () => {
  await world.remove()
  await server.stop()
}, limitMs)

const formerKeys = (): string[] => keysIn(server).filter((key) => s3WalPlaceOf(former, key) !== undefined)
const forgetDisk = (): void => rmSync(join(node.folder, 'data'), { recursive: true })

/** A stopped node of a former release with 200 records, of two starts, in its WAL in the bucket. */
async function formerNode(): Promise<void> {
  await node.start()
  await create(node, 't')
  await write(node, 't', 100)
  await node.kill()
  await node.start()
  await write(node, 't', 100, 100)
  await node.kill()
  makeFormerWal(bucketIn(server), clusterId)
}

test(
  'upgrade: the WAL of a former release in a bucket is continued under the keys of its lane, after starts that are killed',
  long(limitMs),
  async () => {
    await formerNode()
    const before = formerKeys()
    expect(before.length).toBeGreaterThan(2)
    for (const point of ['log opened', 'founding recorded']) {
      expect((await node.run({}, { MILLRACE_CRASH_POINT: point })).code, point).toBe('SIGKILL')
    }
    forgetDisk()
    await node.start()
    expect(await read(node, 't')).toEqual(valuesOf('t', 200))
    await write(node, 't', 100, 200)
    await node.kill()
    expect(keysIn(server).some((key) => key.startsWith(walPrefix(clusterId, 1, 0)))).toBe(true)
    expect(formerKeys()).toEqual(expect.arrayContaining(before))
    await node.start()
    expect(await read(node, 't')).toEqual(valuesOf('t', 300))
    // All records are stored in objects at a stop; with the next record, only fences and the seal are left of the former WAL.
    await node.stop()
    await node.start()
    await write(node, 't', 100, 300)
    await until(() => formerKeys().every((key) => bucketIn(server).objects.get(key)!.bytes === s3WalHeaderBytes))
    await node.kill()
    await node.start()
    expect(await read(node, 't')).toEqual(valuesOf('t', 400))
    expect(formerKeys()).toContain(s3WalKey(former, seal))
  },
)

test('upgrade: a WAL of a former release that is gone from its bucket refuses the start', long(limitMs), async () => {
  await formerNode()
  const { objects } = bucketIn(server)
  for (const key of formerKeys()) objects.delete(key)
  expect(await startError(node)).toMatch(/the end of the write-ahead log is missing: \S+ contains nothing of the last start/)
})

test('upgrade: a node without a former WAL writes nothing under the former keys', long(limitMs), async () => {
  for (const from of [0, 100]) {
    await node.start()
    if (from === 0) await create(node, 't')
    await write(node, 't', 100, from)
    await node.kill()
  }
  await node.start()
  expect(await read(node, 't')).toEqual(valuesOf('t', 200))
  expect(formerKeys()).toEqual([])
})
