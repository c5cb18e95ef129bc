import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { encodeFrames, mark, readFrames, signature } from '../../../src/metadata/frames.ts'
import { decodeRecord, encodeRecord, type MetadataRecord } from '../../../src/metadata/records.ts'
import { errors } from '../../../src/wire/errors.ts'
import type { Broker } from '../../support/broker.ts'
import { long } from '../../support/long.ts'
import type { S3Server } from '../../support/s3/server.ts'
import { create, fetchAt, NodeWorld, read, startError, valuesOf, write } from './node-world.ts'
import { bucketIn, clusterId, keysIn, smallLog, storeForBroker, storeForLog } from './storage-world.ts'

const limitMs = 60_000
let world: NodeWorld
let server: S3Server | undefined
beforeEach(() => {
  world = new NodeWorld()
})
afterEach(async () => {
  await world.remove()
  await server?.stop()
  server = undefined
}, limitMs)

const inStore = async (): Promise<Readonly<Record<string, string>>> => {
  const store = await storeForLog()
  server = store.server
  return store.settings
}
const forgetDisk = (node: Broker): void => rmSync(join(node.folder, 'data'), { recursive: true })
const markerKey = `${clusterId}/node.properties`

test(
  'store identity: a log in a store is found again without the disk, and by no other node id',
  async () => {
    const settings = await inStore()
    const node = await world.node(settings)
    await node.start()
    await create(node, 't')
    await write(node, 't', 100)
    const other = await world.node({ ...settings, 'node.id': '2' })
    expect(await startError(other)).toMatch(
      /contains cluster \S+ of node 1, but node\.id is 2: a cluster has one node; set another cluster\.id/,
    )
    // The rejected node has not taken over the logs.
    await write(node, 't', 100, 100)
    await node.kill()
    forgetDisk(node)
    await node.start()
    expect(await read(node, 't')).toEqual(valuesOf('t', 200))
  },
  limitMs,
)

test(
  'store identity: a node that has used a bucket refuses it when it is empty; without the marker the log identifies the node',
  long(limitMs),
  async () => {
    const settings = await inStore()
    const node = await world.node(settings)
    await node.start()
    await create(node, 't')
    await write(node, 't', 100)
    await node.kill()
    const { objects } = bucketIn(server!)
    const kept = new Map(objects)
    objects.clear()
    expect(await startError(node)).toMatch(
      /has no \S+node\.properties, which this node has written: the store is a different one or was emptied/,
    )
    for (const [key, object] of kept) objects.set(key, object)
    const marker = objects.get(markerKey)
    objects.delete(markerKey)
    await node.start()
    expect(await read(node, 't')).toEqual(valuesOf('t', 100))
    expect(objects.get(markerKey)!.bytes).toEqual(marker!.bytes)
    await node.kill()
    forgetDisk(node)
    const all = new Map(objects)
    for (const key of all.keys()) if (key.startsWith(`${clusterId}/metadata/`)) objects.delete(key)
    expect(await startError(node)).toMatch(/the metadata log under \S+\/metadata\/ is empty, but there are records under/)
    for (const key of [...objects.keys()]) objects.delete(key)
    for (const [key, object] of all) objects.set(key, object)
    await node.start()
    expect(await read(node, 't')).toEqual(valuesOf('t', 100))
    await node.kill()
    const meta = join(node.folder, 'data', 'meta.properties')
    writeFileSync(meta, readFileSync(meta, 'utf8').replace(/^founding\.id=.*$/m, 'founding.id=AAAAAAAAAAAAAAAAAAAAAQ'))
    expect(await startError(node)).toMatch(/with founding\.id \S+, but log\.dirs has founding\.id AAAAAAAAAAAAAAAAAAAAAQ/)
  },
)

test(
  'store identity: a bucket has one node of a cluster id, and a node that was founded starts while the bucket is away',
  long(limitMs),
  async () => {
    const store = await storeForBroker()
    server = store.server
    const settings = { ...store.settings, 'cluster.id': clusterId }
    const [node, second] = [await world.node(settings), await world.node(settings)]
    await node.start()
    await create(node, 't')
    await write(node, 't', 100)
    expect(keysIn(server)).toContain(markerKey)
    expect(await startError(second)).toMatch(/of node 1 with founding\.id \S+, but log\.dirs has founding\.id \S+: restore its log\.dirs/)
    await node.kill()
    await server.stop()
    expect(await startError(await world.node(settings))).toMatch(/cannot be read: .*; the first start of a node needs its object store/)
    await node.start()
    await write(node, 't', 100, 100)
    await server.start()
    expect(await read(node, 't')).toEqual(valuesOf('t', 200))
  },
)

test(
  'store identity: a write-ahead log that is gone from its bucket refuses the start; where that is accepted no offset is given twice',
  long(limitMs),
  async () => {
    const settings = { ...(await inStore()), 's3.wal.upload.interval.ms': '-1', 's3.wal.upload.threshold': '4MiB' }
    const node = await world.node(settings)
    await node.start()
    await create(node, 't')
    await write(node, 't', 100)
    await node.kill()
    const { objects } = bucketIn(server!)
    for (const key of [...objects.keys()]) if (key.startsWith(`${clusterId}/wal/`)) objects.delete(key)
    expect(await startError(node)).toMatch(
      /the end of the write-ahead log is missing: \S+\/wal\/1\/0\/ contains nothing of the last start; .*s3\.wal\.loss\.accept=true/,
    )
    forgetDisk(node)
    await node.start({}, { 's3.wal.loss.accept': 'true' })
    expect(await write(node, 't', 10, 100)).toBeGreaterThanOrEqual(100n)
    await node.kill()
    await node.start()
    expect(await read(node, 't', 100n)).toEqual(valuesOf('t', 10, 100))
  },
)

/** Changes the records in the metadata log of a stopped node. */
function rewrite(node: Broker, change: (record: MetadataRecord) => MetadataRecord): void {
  const path = join(node.folder, 'data', 'metadata.log')
  const records = readFrames(readFileSync(path)).records.map((bytes) => encodeRecord(change(decodeRecord(bytes))))
  writeFileSync(path, Buffer.concat([signature, ...encodeFrames(records), mark]))
}

test(
  'fetch: records that neither an object nor the log holds are an error at once, not a wait',
  async () => {
    const node = await world.node(smallLog)
    await node.start()
    await create(node, 't')
    const objects: { start: bigint; end: bigint }[] = []
    const committed = (): typeof objects => {
      objects.length = 0
      const { records } = readFrames(readFileSync(join(node.folder, 'data', 'metadata.log')))
      for (const record of records.map(decodeRecord)) {
        if (record.type === 'objectCommitted') objects.push(...record.parts.map(({ start, end }) => ({ start, end })))
      }
      return objects
    }
    for (let at = 0; committed().length < 3; at += 20_000) await write(node, 't', 20_000, at)
    await node.kill()
    const [, lost] = committed()
    const nothing: MetadataRecord = { type: 'producerIdsAllocated', next: 0n }
    rewrite(node, (record) => (record.type === 'objectCommitted' && record.parts[0]?.start === lost!.start ? nothing : record))
    await node.start()
    const before = performance.now()
    for (const offset of [lost!.start, lost!.end - 1n]) {
      expect(await fetchAt(node, 't', offset, 30_000)).toMatchObject({ error: errors.KAFKA_STORAGE_ERROR.code, bytes: 0 })
    }
    expect(performance.now() - before).toBeLessThan(20_000)
    expect(node.log).toContain(`has no records at offset ${lost!.start}`)
    for (const offset of [0n, lost!.start - 1n, lost!.end]) expect(await fetchAt(node, 't', offset)).toMatchObject({ error: 0 })
    expect((await fetchAt(node, 't', lost!.end)).bytes).toBeGreaterThan(0)
  },
  limitMs,
)
