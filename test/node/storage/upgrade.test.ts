import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Broker } from '../../support/broker.ts'
import { long } from '../../support/long.ts'
import { makeFormer } from './former-release.ts'
import { create, NodeWorld, read, startError, valuesOf, write } from './node-world.ts'
import { smallLog } from './storage-world.ts'

const limitMs = 120_000
let world: NodeWorld
beforeEach(() => {
  world = new NodeWorld()
})
afterEach(() => world.remove(), limitMs)

const data = (node: Broker, ...path: string[]): string => join(node.folder, 'data', ...path)
const metaOf = (node: Broker): string => readFileSync(data(node, 'meta.properties'), 'utf8')

/** A node as an older release left it: records in objects and in the WAL, and a topic without any. */
async function former(): Promise<{ node: Broker; count: number }> {
  const node = await world.node({ ...smallLog, 's3.wal.upload.threshold': '-1' })
  await node.start()
  await create(node, 't')
  await create(node, 'empty')
  let count = 0
  // Producers are saved when an object is committed.
  for (; !existsSync(data(node, 'producers.snapshot')); count += 20_000) await write(node, 't', 20_000, count)
  await write(node, 't', 100, count)
  await node.kill()
  makeFormer(data(node))
  return { node, count: count + 100 }
}

for (const point of ['founding begun', 'store claimed', 'log opened', 'founding recorded', 'founding done']) {
  test(
    `upgrade: the folder of an older release is taken over although its first start is killed at "${point}"`,
    long(limitMs),
    async () => {
      const { node, count } = await former()
      expect((await node.run({}, { MILLRACE_CRASH_POINT: point })).code, point).toBe('SIGKILL')
      await node.start()
      expect(metaOf(node)).toMatch(/^founding\.state=done$/m)
      expect(await read(node, 't')).toEqual(valuesOf('t', count))
      await write(node, 't', 20_000, count)
      await node.kill()
      await node.start()
      expect(await read(node, 't')).toEqual(valuesOf('t', count + 20_000))
      expect(await read(node, 'empty')).toEqual([])
    },
  )
}

test(
  'upgrade: a folder of an older release that has lost its log, its metadata or its objects is not taken over',
  long(limitMs),
  async () => {
    const { node, count } = await former()
    const away = (...path: string[]): (() => void) => {
      renameSync(data(node, ...path), join(world.folder, 'away'))
      return () => {
        rmSync(data(node, ...path), { recursive: true, force: true })
        renameSync(join(world.folder, 'away'), data(node, ...path))
      }
    }
    let back = away('wal', 'lane-0.wal')
    expect(await startError(node)).toMatch(/the write-ahead log of this node is incomplete at .*: it does not exist/)
    back()
    back = away('metadata.log')
    expect(await startError(node)).toMatch(/metadata\.log is missing, but this node has been founded/)
    back()
    back = away('objects')
    expect(await startError(node)).toMatch(/which this node has written: the store is not mounted/)
    back()
    back = away('producers.snapshot')
    expect(await startError(node)).toMatch(/producers\.snapshot is missing/)
    back()
    await node.start()
    expect(await read(node, 't')).toEqual(valuesOf('t', count))
  },
)
