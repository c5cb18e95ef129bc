import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readFrames } from '../../../src/metadata/frames.ts'
import type { Broker } from '../../support/broker.ts'
import { long, longIf } from '../../support/long.ts'
import { create, fetchAt, NodeWorld, read, startError, valuesOf, write } from './node-world.ts'

const limitMs = 60_000
const clusterId = 'aWRlbnRpdHktb2Ytbm9kZQ'
const accept = { 's3.wal.loss.accept': 'true' }
const format = { 's3.wal.format': 'true' }
const replace = { 's3.data.founding.replace': 'true' }
let world: NodeWorld
beforeEach(() => {
  world = new NodeWorld()
})
afterEach(() => world.remove(), limitMs)

const data = (node: Broker, ...path: string[]): string => join(node.folder, 'data', ...path)
const meta = (node: Broker): Map<string, string> =>
  new Map(
    readFileSync(data(node, 'meta.properties'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.split(/=(.*)/s, 2) as [string, string]),
  )

/** A killed node with acknowledged records. Its WAL is at `wal`. */
async function written(wal = 'file://?capacity=32MiB', settings: Record<string, string> = {}, count = 500): Promise<Broker> {
  const node = await world.node({ 's3.wal.path': wal, ...settings })
  await node.start()
  await create(node, 't')
  await write(node, 't', count)
  await node.kill()
  return node
}

describe('identity: a write-ahead log outside log.dirs', () => {
  const outside = (): string => `file://${join(world.folder, 'wal')}?capacity=32MiB`

  test(
    'is locked by its node, and belongs to no other afterwards',
    async () => {
      const [first, second] = [await world.node({ 's3.wal.path': outside() }), await world.node({ 's3.wal.path': outside() })]
      await first.start()
      await create(first, 't')
      await write(first, 't', 500)
      expect(await startError(second)).toMatch(new RegExp(`write-ahead log ${join(world.folder, 'wal')} is in use by process ${first.pid}`))
      await write(first, 't', 500, 500)
      await first.kill()
      const message = await startError(second)
      expect(message).toContain(`contains the write-ahead log of cluster ${meta(first).get('cluster.id')}`)
      expect(message).toContain('s3.wal.format=true')
      await first.start()
      expect(await read(first, 't')).toEqual(valuesOf('t', 1000))
    },
    limitMs,
  )

  test('is not taken for that of a node whose log.dirs was emptied; formatted, it holds nothing of before', long(limitMs), async () => {
    const node = await written(outside())
    rmSync(data(node), { recursive: true })
    expect(await startError(node)).toContain('contains the write-ahead log of cluster')
    expect(await startError(node, accept)).toContain('contains the write-ahead log of cluster')
    await node.start({}, format)
    expect(node.log).toContain('s3.wal.format=true: destroyed the data at s3.wal.path')
    await create(node, 't')
    expect(await read(node, 't')).toEqual([])
    await write(node, 't', 10)
    await node.kill()
    // If the setting remains, it destroys nothing.
    await node.start({}, format)
    expect(node.log).toContain('s3.wal.format=true has no effect')
    expect(await read(node, 't')).toEqual(valuesOf('t', 10))
  })

  test(
    'that is a foreign file is not overwritten',
    async () => {
      writeFileSync(join(world.folder, 'wal'), 'letters')
      const node = await world.node({ 's3.wal.path': outside() })
      expect(await startError(node)).toMatch(/contains data that is not a write-ahead log: .*s3\.wal\.format=true/)
      expect(readFileSync(join(world.folder, 'wal'), 'utf8')).toBe('letters')
      expect(await startError(await world.node({ 's3.wal.path': `file://${world.folder}/wal/x` }))).toContain('cannot be used')
    },
    limitMs,
  )

  test('is found again when it was moved together with its setting, and missed when it was not', long(limitMs), async () => {
    const node = await written(outside())
    const moved = join(world.folder, 'elsewhere', 'wal')
    const settings = { 's3.wal.path': `file://${moved}?capacity=32MiB` }
    expect(await startError(node, settings)).toContain(`but at ${join(world.folder, 'wal')} at the last start`)
    mkdirSync(join(world.folder, 'elsewhere'))
    renameSync(join(world.folder, 'wal'), moved)
    await node.start({}, settings)
    expect(await read(node, 't')).toEqual(valuesOf('t', 500))
    expect(meta(node).get('s3.wal.path')).toBe(moved)
  })
})

describe('identity: a write-ahead log that is', () => {
  const wal = (node: Broker): string => data(node, 'wal', 'lane-0.wal')
  const blank = (node: Broker, bytes: number): void => {
    rmSync(wal(node))
    writeFileSync(wal(node), '')
    truncateSync(wal(node), bytes)
  }
  /** The file and its segments. */
  const replaced = (node: Broker, copy: string): void => {
    rmSync(data(node, 'wal'), { recursive: true })
    cpSync(copy, data(node, 'wal'), { recursive: true })
  }
  const cases: readonly (readonly [string, (node: Broker, copy: string) => void, RegExp, isLost: boolean])[] = [
    ['removed', (node) => rmSync(wal(node)), /it does not exist/, true],
    ['removed with its folder', (node) => rmSync(data(node, 'wal'), { recursive: true }), /it does not exist/, true],
    ['emptied', (node) => truncateSync(wal(node), 0), /it contains only zeros/, true],
    ['replaced by a blank one', (node) => blank(node, statSync(wal(node)).size), /it contains only zeros/, true],
    ['halved', (node) => truncateSync(wal(node), statSync(wal(node)).size / 2), /its last \d+ bytes are missing/, false],
    ['a copy from before the last start', replaced, /copy from before the last start/, true],
  ]
  for (const [name, damage, why, isLost] of cases) {
    test(
      `${name} refuses the start; if the loss is accepted, offsets continue after all acknowledged ones`,
      longIf(name !== 'removed', limitMs),
      async () => {
        const node = await written()
        const copy = join(world.folder, 'copy')
        cpSync(data(node, 'wal'), copy, { recursive: true })
        await node.start()
        await write(node, 't', 500, 500)
        await node.kill()
        damage(node, copy)
        const message = await startError(node)
        expect(message).toMatch(why)
        expect(message).toContain('s3.wal.loss.accept=true')
        await node.start({}, accept)
        expect(node.log).toContain('acknowledged records are lost')
        // A reader at lost offsets waits, as at the end of a log, and continues with later records.
        const kept = await fetchAt(node, 't', 999n, 200)
        expect(kept.error).toBe(0)
        expect(kept.end).toBeGreaterThanOrEqual(1000n)
        if (isLost) expect(kept.bytes).toBe(0)
        const next = await write(node, 't', 10, 1000)
        expect(next).toBeGreaterThanOrEqual(1000n)
        expect((await fetchAt(node, 't', 999n)).bytes).toBeGreaterThan(0)
        expect((await read(node, 't', 999n)).slice(-10)).toEqual(valuesOf('t', 10, 1000))
        await node.kill()
        await node.start()
        expect((await read(node, 't', 999n)).slice(-10)).toEqual(valuesOf('t', 10, 1000))
        expect(await write(node, 't', 10, 1010)).toBe(next + 10n)
      },
    )
  }

  test('lost again before the loss was recorded is lost still', long(limitMs), async () => {
    const node = await written()
    rmSync(wal(node))
    expect((await node.run(accept, { MILLRACE_CRASH_POINT: 'log opened' })).code).toBe('SIGKILL')
    expect(await startError(node)).toMatch(/it is a different log from the one recorded in metadata\.log/)
    await node.start({}, accept)
    expect(await write(node, 't', 10, 500)).toBeGreaterThanOrEqual(500n)
  })

  test('whole has no use for s3.wal.loss.accept', long(limitMs), async () => {
    const node = await written()
    await node.start({}, accept)
    expect(node.log).toContain('s3.wal.loss.accept=true has no effect')
    expect(await read(node, 't')).toEqual(valuesOf('t', 500))
  })
})

describe('identity: of the files in log.dirs', () => {
  for (const part of [0.5, 0.9]) {
    const title = `metadata.log that was cut to ${part} of its size refuses the start, and removes no object`
    test(title, longIf(part !== 0.5, limitMs), async () => {
      const node = await written('file://?capacity=16MiB', { 's3.wal.upload.threshold': '1MiB' })
      const metadata = data(node, 'metadata.log')
      const content = readFileSync(metadata)
      // The file may have reserved space after its records.
      truncateSync(metadata, Math.floor(readFrames(content).end * part))
      expect(await startError(node)).toMatch(
        /metadata\.log has \d+ records, but the superblock of the write-ahead log records \d+: metadata\.log is truncated or out of date; restore it from a copy/,
      )
      expect(await startError(node, accept)).toMatch(/metadata\.log has/)
      writeFileSync(metadata, content)
      await node.start()
      expect(await read(node, 't')).toEqual(valuesOf('t', 500))
    })
  }

  test(
    'metadata.log that is missing, empty, or of another node refuses the start',
    async () => {
      const [node, other] = [await written(), await written()]
      const metadata = data(node, 'metadata.log')
      const content = readFileSync(metadata)
      rmSync(metadata)
      expect(await startError(node)).toMatch(/metadata\.log is missing, but this node has been founded: restore it/)
      writeFileSync(metadata, '')
      expect(await startError(node)).toMatch(/is not a metadata log: restore it/)
      cpSync(data(other, 'metadata.log'), metadata)
      expect(await startError(node)).toMatch(
        new RegExp(`belongs to cluster ${meta(other).get('cluster.id')}, meta.properties to cluster ${meta(node).get('cluster.id')}`),
      )
      writeFileSync(metadata, content)
      await node.start()
      expect(await read(node, 't')).toEqual(valuesOf('t', 500))
    },
    limitMs,
  )

  test(
    'meta.properties that is lost refuses the start with the lines that it had',
    async () => {
      const node = await written()
      const lines = [...meta(node)].map(([key, value]) => `${key}=${value}`)
      rmSync(data(node, 'meta.properties'))
      const message = await startError(node)
      expect(message).toMatch(/contains metadata\.log, objects, wal\/lane-0\.wal, but no meta\.properties/)
      for (const line of lines.slice(0, 5)) expect(message).toContain(line)
      expect(await startError(node, { 'cluster.id': clusterId })).toMatch(/no meta\.properties/)
      writeFileSync(data(node, 'meta.properties'), lines.slice(0, 5).join('\n'))
      await node.start()
      expect(await read(node, 't')).toEqual(valuesOf('t', 500))
    },
    limitMs,
  )

  test('a write-ahead log of another node in its place refuses the start', long(limitMs), async () => {
    const [node, other] = [await written(), await written()]
    const own = join(world.folder, 'own')
    renameSync(data(node, 'wal', 'lane-0.wal'), own)
    cpSync(data(other, 'wal', 'lane-0.wal'), data(node, 'wal', 'lane-0.wal'))
    const message = await startError(node)
    expect(message).toContain(
      `the write-ahead log of cluster ${meta(other).get('cluster.id')}, where this node is in cluster ${meta(node).get('cluster.id')}`,
    )
    expect(await startError(node, format)).toContain('set s3.wal.path to the place of the log')
    renameSync(own, data(node, 'wal', 'lane-0.wal'))
    await node.start()
    expect(await read(node, 't')).toEqual(valuesOf('t', 500))
  })

  test('producers.snapshot that is damaged, missing, old or of another node refuses the start with advice', long(limitMs), async () => {
    const node = await world.node({
      's3.wal.path': 'file://?capacity=16MiB',
      's3.wal.upload.threshold': '1MiB',
      's3.data.buckets': `file://${world.folder}/objects`,
      's3.wal.upload.interval.ms': '500',
    })
    await node.start()
    await create(node, 't')
    const snapshot = data(node, 'producers.snapshot')
    const stored = async (from: number): Promise<Buffer> => {
      const before = existsSync(snapshot) ? statSync(snapshot).mtimeMs : 0
      for (let at = from; !existsSync(snapshot) || statSync(snapshot).mtimeMs === before; at += 1000) await write(node, 't', 1000, at)
      return readFileSync(snapshot)
    }
    const older = await stored(0)
    await stored(1_000_000)
    await node.stop()
    const content = readFileSync(snapshot)
    writeFileSync(snapshot, content.subarray(0, content.length - 1))
    expect(await startError(node)).toMatch(
      /producers\.snapshot is damaged: restore it from a copy; or remove it and start once with --override s3\.wal\.loss\.accept=true/,
    )
    writeFileSync(snapshot, older)
    expect(await startError(node)).toMatch(/producers\.snapshot is a copy from position/)
    rmSync(snapshot)
    expect(await startError(node)).toMatch(/producers\.snapshot is missing, although records were stored/)
    await node.start({}, accept)
    await node.stop()
    writeFileSync(snapshot, content)
    await node.start()
  })
})

describe('identity: one object store', () => {
  const shared = (): Record<string, string> => ({ 's3.data.buckets': `file://${join(world.folder, 'objects')}`, 'cluster.id': clusterId })

  test(
    'and cluster.id has one node: a second one, or the same without its disk, is refused',
    async () => {
      const node = await world.node(shared())
      await node.start()
      await create(node, 't')
      await write(node, 't', 100)
      const second = await world.node(shared())
      const message = await startError(second)
      expect(message).toContain(`contains cluster ${clusterId} of node 1 with founding.id ${meta(node).get('founding.id')}`)
      expect(message).toMatch(/restore its log\.dirs; or set another cluster\.id; or .*s3\.data\.founding\.replace=true/)
      expect(await startError(second, { 'node.id': '2' })).toMatch(
        /of node 1, but node\.id is 2: a cluster has one node; set another cluster\.id/,
      )
      // A node without a configured cluster id has lost it with its disk.
      const third = await world.node({ 's3.data.buckets': shared()['s3.data.buckets']! })
      expect(await startError(third)).toContain(
        `contains cluster ${clusterId}, but log.dirs is new: restore the log.dirs of that cluster; or found another cluster`,
      )
      await third.start({}, { 'cluster.id': 'YW5vdGhlci1jbHVzdGVyIQ' })
      expect(await read(node, 't')).toEqual(valuesOf('t', 100))
    },
    limitMs,
  )

  test('keeps the objects of both where another founding takes a place on purpose', long(limitMs), async () => {
    const stores = { 's3.wal.path': 'file://?capacity=16MiB', 's3.wal.upload.threshold': '1MiB', 's3.wal.upload.interval.ms': '200' }
    const objectsOf = (node: Broker): string[] =>
      readdirSync(join(world.folder, 'objects', clusterId, 'objects', meta(node).get('founding.id')!), { recursive: true })
        .map(String)
        .filter((name) => /\/\d{16}$/.test(name))
        .sort()
    const storedIn = async (node: Broker): Promise<string[]> => {
      for (let at = 0; ; at += 1000) {
        await write(node, 't', 1000, at)
        try {
          const found = objectsOf(node)
          if (found.length > 0) return found
        } catch {
          // The folder does not exist yet.
        }
      }
    }
    const node = await world.node({ ...shared(), ...stores })
    await node.start()
    await create(node, 't')
    await storedIn(node)
    await node.stop()
    const before = objectsOf(node)
    const second = await world.node({ ...shared(), ...stores })
    await second.start({}, replace)
    expect(second.log).toContain('replaced another founding')
    await create(second, 't')
    expect(await read(second, 't')).toEqual([])
    expect((await storedIn(second))[0]).toBe(before[0])
    await second.stop()
    expect(objectsOf(node)).toEqual(before)
    // Now the first node is the one without a claim to the store.
    expect(await startError(node)).toContain(`with founding.id ${meta(second).get('founding.id')}`)
  })

  test('refuses a log.dirs that is a copy from an earlier start, which would write over newer objects', long(limitMs), async () => {
    const node = await world.node(shared())
    await node.start()
    await create(node, 't')
    await write(node, 't', 100)
    await node.stop()
    const copy = join(world.folder, 'copy')
    cpSync(data(node), copy, { recursive: true })
    await node.start()
    await write(node, 't', 100, 100)
    await node.stop()
    renameSync(data(node), join(world.folder, 'newest'))
    cpSync(copy, data(node), { recursive: true })
    expect(await startError(node)).toBe(
      'log.dirs is a copy from start 1 of this node, but its object store has been used by start 2: restore the newest copy; or start once with --override s3.wal.loss.accept=true, which discards the topics and acknowledged records of the later starts',
    )
    rmSync(data(node), { recursive: true })
    renameSync(join(world.folder, 'newest'), data(node))
    await node.start()
    expect(await read(node, 't')).toEqual(valuesOf('t', 200))
  })

  test(
    'continues from an old copy of log.dirs with s3.wal.loss.accept=true: the loss is counted, and nothing is assigned twice',
    long(limitMs),
    async () => {
      const stores = { 's3.wal.path': 'file://?capacity=16MiB', 's3.wal.upload.threshold': '1MiB', 's3.wal.upload.interval.ms': '200' }
      const node = await world.node({ ...shared(), ...stores })
      const objects = (): string[] =>
        readdirSync(join(world.folder, 'objects'), { recursive: true })
          .map(String)
          .filter((name) => /\/\d{16}$/.test(name))
          .sort()
      const writtenUntil = async (count: number, from: number): Promise<number> => {
        let at = from
        for (; !existsSync(join(world.folder, 'objects')) || objects().length < count; at += 1000) await write(node, 't', 1000, at)
        return at
      }
      await node.start()
      await create(node, 't')
      const first = await writtenUntil(1, 0)
      await node.stop()
      const copy = join(world.folder, 'copy')
      cpSync(data(node), copy, { recursive: true })
      const known = objects()
      await node.start()
      const end = await writtenUntil(known.length + 2, first)
      await create(node, 'newer')
      await node.stop()
      const newest = objects().at(-1)!
      rmSync(data(node), { recursive: true })
      cpSync(copy, data(node), { recursive: true })
      // An object of the copy that later starts have replaced.
      rmSync(join(world.folder, 'objects', known[0]!))

      await node.start({}, { 's3.wal.loss.accept': 'true' })
      expect(node.log).toMatch(
        /log\.dirs is a copy from start 1 of this node.* [1-9]\d* newer objects are not read any more, and 1 older ones are missing/,
      )
      expect(node.log).toMatch(/"bytes":[1-9]\d{4,},"why":"log\.dirs is a copy.*acknowledged records are lost, at least this many bytes/)
      await node.stop()
      await node.start()
      await write(node, 't', 100, end)
      const found = await read(node, 't')
      expect(found.slice(-100)).toEqual(valuesOf('t', 100, end))
      // All other records were written before the copy.
      expect(found.slice(0, -100).every((value) => valuesOf('t', first).includes(value))).toBe(true)
      // Its object ids follow those of the later starts.
      await create(node, 'another')
      const before = objects().length
      await writtenUntil(before + 1, end + 100)
      expect(objects().at(-1)!.slice(-16) > newest.slice(-16)).toBe(true)
    },
  )

  test('that is not mounted, or another one, refuses the start of a node that has used it', long(limitMs), async () => {
    const node = await world.node(shared())
    await node.start()
    await create(node, 't')
    await write(node, 't', 100)
    await node.kill()
    renameSync(join(world.folder, 'objects'), join(world.folder, 'away'))
    mkdirSync(join(world.folder, 'objects'))
    expect(await startError(node)).toMatch(
      /has no .*node\.properties, which this node has written: the store is not mounted, is a different one or was emptied/,
    )
    rmSync(join(world.folder, 'objects'), { recursive: true })
    expect(await startError(node)).toMatch(/the store is not mounted/)
    renameSync(join(world.folder, 'away'), join(world.folder, 'objects'))
    await node.start()
    expect(await read(node, 't')).toEqual(valuesOf('t', 100))
  })
})

test(
  'identity: an object store that is unmounted under a running node gets no object in its empty folder, and uploads continue when it is mounted again',
  long(limitMs),
  async () => {
    const folder = join(world.folder, 'objects')
    const small = { 's3.wal.path': 'file://?capacity=16MiB', 's3.wal.upload.threshold': '1MiB' }
    const node = await world.node({ ...small, 's3.data.buckets': `file://${folder}` })
    await node.start()
    await create(node, 't')
    await write(node, 't', 100)
    renameSync(folder, join(world.folder, 'away'))
    mkdirSync(folder)
    let count = 100
    for (; !node.log.includes('the store is not mounted, or was emptied'); count += 1000) await write(node, 't', 1000, count)
    expect(readdirSync(folder)).toEqual([])
    rmSync(folder, { recursive: true })
    renameSync(join(world.folder, 'away'), folder)
    for (; !existsSync(data(node, 'producers.snapshot')); count += 1000) await write(node, 't', 1000, count)
    await node.kill()
    await node.start()
    expect(await read(node, 't')).toEqual(valuesOf('t', count))
  },
)

describe('identity: a founding', () => {
  test.each(['founding begun', 'store claimed', 'log opened', 'founding recorded', 'founding done'])(
    'that is killed at "%s" is taken up by the next start',
    long(limitMs),
    async (point) => {
      const node = await world.node()
      expect((await node.run({}, { MILLRACE_CRASH_POINT: point })).code).toBe('SIGKILL')
      await node.start()
      await create(node, 't')
      await write(node, 't', 10)
      await node.kill()
      await node.start()
      expect(await read(node, 't')).toEqual(valuesOf('t', 10))
    },
  )
})
