import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { encodeBatch } from '../../support/batch.ts'
import type { Broker } from '../../support/broker.ts'
import { connected } from '../../support/connection.ts'
import { long } from '../../support/long.ts'
import { type LoopDevice, loopDevice, loopMissing } from '../../support/loop-device.ts'
import { api, produce, readProduce } from '../../support/requests.ts'
import { create, NodeWorld, read, startError, valuesOf, write } from '../storage/node-world.ts'

const mib = 2 ** 20
const limitMs = 60_000
const records = 5000
const missing = loopMissing()
if (missing) console.warn(`skipped: a write-ahead log on a block device, ${missing}`)

let world: NodeWorld
const devices: LoopDevice[] = []
beforeEach(() => {
  world = new NodeWorld()
})
afterEach(async () => {
  await world.remove()
  for (const device of devices.splice(0)) device.remove()
}, limitMs)

const device = (bytes = 64 * mib, sectorBytes = 512): string => {
  const made = loopDevice(bytes, sectorBytes)
  devices.push(made)
  return made.path
}
const on = (path: string, query = ''): Record<string, string> => ({ 's3.wal.path': `file://${path}${query}` })
const idOf = (node: Broker, key: string): string =>
  new RegExp(`^${key}=(.*)$`, 'm').exec(readFileSync(join(node.folder, 'data', 'meta.properties'), 'utf8'))![1]!

describe.runIf(missing === null)('block device: a write-ahead log on one', () => {
  test.each([512, 4096])(
    'with blocks of %i bytes returns every acknowledged record after repeated kill -9',
    async (sectorBytes) => {
      const node = await world.node(on(device(64 * mib, sectorBytes), '?capacity=512MiB'))
      await node.start()
      await create(node, 't')
      await write(node, 't', records)
      await node.kill()
      await node.start()
      expect(await read(node, 't')).toEqual(valuesOf('t', records))
      expect(node.log).toContain(`"records":${records / 100}`)
      expect(node.log).not.toContain('no direct I/O')
      await write(node, 't', 100, records)
      await node.kill()
      await node.start()
      expect(await read(node, 't')).toEqual(valuesOf('t', records + 100))
    },
    limitMs,
  )

  test('uses the whole device, and wraps', long(limitMs), async () => {
    const node = await world.node({ ...on(device(40 * mib)), 's3.wal.upload.threshold': '1MiB' })
    await node.start()
    await create(node, 't')
    // 60 MB into a log of 32 MiB.
    for (let round = 0; round < 10; round++) await writeLarge(node)
    await node.kill()
    await node.start()
    expect((await read(node, 't', 900n)).length).toBe(100)
  })

  test(
    'is for one node at a time, and stays the log of that node',
    async () => {
      const disk = device()
      const [first, second] = [await world.node(on(disk)), await world.node(on(disk))]
      await first.start()
      await create(first, 't')
      await write(first, 't', 100)
      expect(await startError(second)).toBe(`s3.wal.path: the device ${disk} is in use: it is mounted, or another process uses it`)
      expect(await startError(second, { 's3.wal.format': 'true' })).toContain('is in use')
      await first.kill()
      expect(await startError(second)).toContain(`${disk} contains the write-ahead log of cluster ${idOf(first, 'cluster.id')}`)
      await first.start()
      expect(await read(first, 't')).toEqual(valuesOf('t', 100))
      await first.kill()
      await second.start({}, { 's3.wal.format': 'true' })
      await second.kill()
      expect(await startError(first)).toMatch(/the write-ahead log of this node is not at .*: it contains the write-ahead log of cluster/)
    },
    limitMs,
  )

  test(
    'is not begun where there is a file system, unless that is to be destroyed; and then only once',
    async () => {
      const disk = device()
      execFileSync('mkfs.ext4', ['-q', disk])
      const node = await world.node(on(disk))
      expect(await startError(node)).toMatch(
        /contains an ext2, ext3 or ext4 file system: .*start once with --override s3\.wal\.format=true/,
      )
      execFileSync('e2fsck', ['-n', disk], { stdio: 'ignore' })
      const format = { 's3.wal.format': 'true' }
      await node.start({}, format)
      expect(node.log).toContain('destroyed the data at s3.wal.path')
      await create(node, 't')
      await write(node, 't', 100)
      await node.kill()
      await node.start({}, format)
      expect(node.log).toContain('s3.wal.format=true has no effect')
      expect(await read(node, 't')).toEqual(valuesOf('t', 100))
    },
    limitMs,
  )

  test('is refused on a device that is too small, of another size than before, or not there', long(limitMs), async () => {
    expect(await startError(await world.node(on(device(4 * mib))))).toMatch(/has 4194304 bytes, fewer than s3\.wal\.cache\.size = 8388608/)
    expect(await startError(await world.node(on('/dev/no-such-disk')))).toContain('there is no device /dev/no-such-disk')
    const disk = device(40 * mib)
    const node = await world.node(on(disk))
    await node.start()
    await node.kill()
    const smaller = device(16 * mib)
    execFileSync('dd', [`if=${disk}`, `of=${smaller}`, 'bs=1M', 'count=16', 'conv=fsync'], { stdio: 'ignore' })
    expect(await startError(node, on(smaller))).toMatch(/bytes too small for the write-ahead log on it: copy the log to a larger one/)
    await node.start()
  })
})

/** A hundred large records, so that the log wraps soon. */
async function writeLarge(node: Broker): Promise<void> {
  await connected(node.port, async (connection) => {
    for (let i = 0; i < 100; i++) {
      const records = encodeBatch([{ value: Buffer.alloc(60_000, i) }])
      const [answer] = readProduce(await connection.call(api.produce, produce([{ topic: 't', partition: 0, records }])))
      expect(answer!.error).toBe(0)
    }
  })
}
