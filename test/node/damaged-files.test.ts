import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { logStart } from '../../src/wal/wal-superblock.ts'
import { createTopic } from '../support/admin.ts'
import { decodeBatches, encodeBatch } from '../support/batch.ts'
import { freePorts } from '../support/broker.ts'
import { connected } from '../support/connection.ts'
import { longIf } from '../support/long.ts'
import { api, fetchRequest, produce, readFetch, readProduce } from '../support/requests.ts'
import { type Started, startServer } from '../support/start.ts'

const limitMs = 60_000
/** Records of the node, each in a separate group of the WAL. */
const records = 8
const recordBytes = 20_000
const acceptLoss = { 's3.wal.loss.accept': 'true' }

let folder: string
let port: number
/** The folder as a killed node left it. */
let original: string
let copies = 0
const running: Started[] = []

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'damaged-'))
  ;[port] = (await freePorts(1)) as [number]
  original = join(folder, 'original')
  const node = await ready(original)
  await connected(port, async (connection) => {
    await createTopic(connection, 't', 1)
    for (let i = 0; i < records; i++) await send(connection, i)
  })
  await stop(node, 'SIGKILL')
}, limitMs)
afterEach(async () => {
  for (const each of running.splice(0)) await stop(each, 'SIGKILL')
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function begin(path: string, more: Readonly<Record<string, string>> = {}): Started {
  const started = startServer({
    listeners: `PLAINTEXT://127.0.0.1:${port}`,
    'log.dirs': path,
    'metrics.listener': '',
    's3.wal.path': 'file://?capacity=16MiB',
    's3.wal.cache.size': '8MiB',
    ...more,
  })
  running.push(started)
  return started
}

async function ready(path: string, more: Readonly<Record<string, string>> = {}): Promise<Started> {
  const node = begin(path, more)
  await node.until('is ready at')
  expect(node.text()).toContain('is ready at')
  return node
}

async function stop(node: Started, signal: NodeJS.Signals): Promise<void> {
  node.kill(signal)
  await node.ended
}

const send = async (connection: Parameters<Parameters<typeof connected>[1]>[0], value: number): Promise<bigint> => {
  const batch = encodeBatch([{ value: Buffer.alloc(recordBytes, value) }])
  const [answer] = readProduce(await connection.call(api.produce, produce([{ topic: 't', partition: 0, records: batch }])))
  expect(answer!.error).toBe(0)
  return answer!.baseOffset
}

/** First bytes of the values from an offset on. */
const valuesFrom = (offset: bigint): Promise<number[]> =>
  connected(port, async (connection) => {
    const [part] = readFetch(await connection.call(api.fetch, fetchRequest([{ topic: 't', partition: 0, offset }]))).parts
    expect(part!.error).toBe(0)
    return decodeBatches(part!.records).map(({ value }) => value![0]!)
  })

/** A copy of the killed node's folder, with one file changed. */
function copyWith(name: string, change: (bytes: Buffer) => Buffer | 'directory'): string {
  const copy = join(folder, `copy-${++copies}`)
  cpSync(original, copy, { recursive: true })
  const path = join(copy, name.includes('node.properties') ? markerIn(copy) : name)
  const changed = change(readFileSync(path))
  rmSync(path)
  if (changed === 'directory') mkdirSync(path)
  else writeFileSync(path, changed)
  return copy
}

const markerIn = (path: string): string =>
  readdirSync(path, { recursive: true, encoding: 'utf8' }).find((name) => name.endsWith('node.properties'))!

async function startError(path: string, more: Readonly<Record<string, string>> = {}): Promise<string> {
  const started = begin(path, more)
  expect(await started.ended).toBe(1)
  const fatal = started
    .text()
    .split('\n')
    .filter((line) => line.includes('"fatal"'))
  expect(started.text()).not.toContain('    at ')
  expect(fatal.length).toBe(1)
  return (JSON.parse(fatal[0]!) as { msg: string }).msg
}

/** Names and contents of all files except the locks. */
const contents = (path: string): readonly (readonly [string, string])[] =>
  readdirSync(path, { recursive: true, withFileTypes: true })
    .filter(({ name }) => !name.endsWith('lock'))
    .map(
      (entry) =>
        [
          join(entry.parentPath, entry.name),
          entry.isFile() ? readFileSync(join(entry.parentPath, entry.name)).toString('latin1') : '',
        ] as const,
    )
    .sort()

function flipped(bytes: Buffer, at: number): Buffer {
  const out = Buffer.from(bytes)
  out[at]! ^= 4
  return out
}

function zeroed(bytes: Buffer, from: number, to: number): Buffer {
  const out = Buffer.from(bytes)
  out.fill(0, from, to)
  return out
}

const wal = 'wal/lane-0.wal'
/** Position of a record's value in the WAL: each is filled with its number. */
const placeOf = (bytes: Buffer, value: number): number => bytes.indexOf(Buffer.alloc(1000, value), logStart)

describe('start: a damaged file is reported in one line with its name and the action', () => {
  const cases: readonly [string, string, (bytes: Buffer) => Buffer | 'directory', RegExp][] = [
    [
      'a directory',
      'metadata.log',
      () => 'directory',
      /^log\.dirs: .*metadata\.log cannot be read: it is a directory \(EISDIR\)\. Set log\.dirs/,
    ],
    ['empty', 'metadata.log', () => Buffer.alloc(0), /^log\.dirs: .*metadata\.log is not a metadata log: restore it from a copy$/],
    [
      'one bit',
      'metadata.log',
      (bytes) => flipped(bytes, 100),
      /^log\.dirs: .*metadata\.log is damaged from byte \d+ to byte \d+.*restore it/,
    ],
    ['a directory', 'meta.properties', () => 'directory', /meta\.properties cannot be read: EISDIR/],
    ['half', 'meta.properties', (bytes) => bytes.subarray(0, bytes.length >> 1), /^log\.dirs: .*meta\.properties is not valid/],
    ['a directory', '.lock', () => 'directory', /is locked by .*\.lock, which cannot be read: EISDIR/],
    ['a directory', 'wal/lane-0.wal.lock', () => 'directory', /is locked by .*lane-0\.wal\.lock, which cannot be read: EISDIR/],
    ['a directory', wal, () => 'directory', /^s3\.wal\.path: .*is neither a file nor a block device$/],
    [
      'both superblocks',
      wal,
      (bytes) => flipped(flipped(bytes, 9), 4096 + 9),
      /^s3\.wal\.path: .*neither of its superblocks is whole; restore it; or start once with --override s3\.wal\.loss\.accept=true/,
    ],
    ['empty', wal, () => Buffer.alloc(0), /^s3\.wal\.path: .*contains only zeros; restore it/],
    [
      'one bit of a record',
      wal,
      (bytes) => flipped(bytes, placeOf(bytes, 3)),
      /^s3\.wal\.path: the write-ahead log is damaged at position \d+: .*; restore .*; or start once with --override s3\.wal\.loss\.accept=true/,
    ],
    [
      'zeros in its middle',
      wal,
      (bytes) => zeroed(bytes, placeOf(bytes, 2), placeOf(bytes, 6)),
      /^s3\.wal\.path: the write-ahead log is damaged at position/,
    ],
    ['a directory', 'node.properties', () => 'directory', /^s3\.data\.buckets: .*node\.properties.*it, or set s3\.data\.buckets/],
    [
      'half',
      'node.properties',
      (bytes) => bytes.subarray(0, bytes.length >> 1),
      /node\.properties in the object store is damaged: .*--override s3\.data\.founding\.replace=true/,
    ],
  ]
  /** Other damage of the same file, or the same damage of another. */
  const similar = [
    'empty of metadata.log',
    'a directory of meta.properties',
    `zeros in its middle of ${wal}`,
    'a directory of node.properties',
  ]
  for (const [what, name, change, line] of cases) {
    const title = `${what} of ${name}`
    test(title, longIf(similar.includes(title) || name.endsWith('lock'), limitMs), async () => {
      expect(await startError(copyWith(name, change))).toMatch(line)
    })
  }

  test(
    'start: a damaged marker in the store is written again with s3.data.founding.replace=true',
    async () => {
      const path = copyWith('node.properties', (bytes) => flipped(bytes, 30))
      await stop(await ready(path, { 's3.data.founding.replace': 'true' }), 'SIGTERM')
      await ready(path)
      expect(await valuesFrom(0n)).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
    },
    limitMs,
  )
})

describe('start: a write-ahead log that is damaged where it was durable', () => {
  test(
    'is cut there with s3.wal.loss.accept=true, the loss is logged, and the next starts are plain ones',
    async () => {
      const path = copyWith(wal, (bytes) => flipped(bytes, placeOf(bytes, 3)))
      const lossy = await ready(path, acceptLoss)
      expect(lossy.text()).toMatch(/"bytes":\d{5,}.*acknowledged records are lost, at least this many bytes/)
      expect(await valuesFrom(0n)).toEqual([0, 1, 2])
      await stop(lossy, 'SIGKILL')

      const second = await ready(path)
      const offset = await connected(port, (connection) => send(connection, 100))
      // No offset that was acknowledged before is assigned again.
      expect(offset).toBeGreaterThanOrEqual(BigInt(records))
      await stop(second, 'SIGKILL')

      const third = await ready(path)
      expect(await valuesFrom(offset)).toEqual([100])
      await stop(third, 'SIGTERM')
      expect(await startError(path, { 'node.id': '7' })).toContain('belongs to node 1, not 7')
    },
    limitMs,
  )
})

describe('start: a directory that is refused stays as it is', () => {
  for (const [what, change, line] of [
    ['another founding', (meta: string) => meta.replace(/founding\.id=.*/, 'founding.id=AAAAAAAAAAAAAAAAAAAAAA'), 'belongs to founding.id'],
    ['another cluster', (meta: string) => meta.replace(/cluster\.id=.*/, 'cluster.id=AAAAAAAAAAAAAAAAAAAAAA'), 'belongs to cluster'],
    ['no meta.properties', () => '', 'meta.properties is not valid'],
  ] as const) {
    const title = `where meta.properties has ${what}, and metadata.log an incomplete write`
    test(title, longIf(what !== 'another founding', limitMs), async () => {
      const path = copyWith('metadata.log', (bytes) => flipped(bytes, bytes.length - 1))
      const meta = join(path, 'meta.properties')
      writeFileSync(meta, change(readFileSync(meta, 'utf8')))
      writeFileSync(join(path, 'metadata.log.tmp'), 'left by a crash')
      const before = contents(path)
      expect(await startError(path)).toContain(line)
      expect(contents(path)).toEqual(before)
    })
  }

  test(
    'where meta.properties is missing: no folder is made for a write-ahead log',
    async () => {
      const path = copyWith('meta.properties', (bytes) => bytes)
      rmSync(join(path, 'meta.properties'))
      rmSync(join(path, 'wal'), { recursive: true })
      const before = contents(path)
      expect(await startError(path)).toContain('but no meta.properties')
      expect(contents(path)).toEqual(before)
    },
    limitMs,
  )
})
