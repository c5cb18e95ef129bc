import { closeSync, mkdtempSync, openSync, readdirSync, rmSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { WalTarget } from '../../native-free-io/disk/wal-file.ts'
import { type LaneLog, Pipeline, type PipelineOptions } from '../../native-free-io/threads/pipeline.ts'
import { decodeBatches, encodeBatch } from '../support/batch.ts'
import { Writer } from '../support/bytes.ts'
import { Connection } from '../support/connection.ts'
import { long } from '../support/long.ts'
import { api, fetchRequest, produce, readFetch, readProduce } from '../support/requests.ts'
import { routedTopic } from '../support/routed-topic.ts'
import { settings } from '../unit/pipeline/sequencing/lane-world.ts'

const mib = 1 << 20
let folder: string
const identity = { clusterId: 'AAAAAAAAAAAAAAAAAAAAAQ', nodeId: 1, lane: 0, foundingId: 'AAAAAAAAAAAAAAAAAAAAAg' }
const target = (capacity: number, lane = 0): WalTarget => ({
  path: join(folder, lane === 0 ? 'lane.wal' : `lane-${lane}.wal`),
  device: null,
  identity: { ...identity, lane },
  capacity,
  incarnation: 1,
  metadataRecords: 0,
})
const started: Pipeline[] = []
/** Network threads that have sent a message. */
const used = new Set<number>()

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pipeline-'))
})
afterEach(async () => {
  for (const pipeline of started.splice(0)) await pipeline.stop()
  rmSync(folder, { recursive: true, force: true })
})

interface Running {
  readonly pipeline: Pipeline
  readonly client: Connection
  readonly failures: string[]
}

const log = (place: WalTarget): LaneLog => ({ wal: { type: 'file', target: place }, recovery: {} })

interface Shape extends Partial<PipelineOptions> {
  readonly lanes?: number
  /** Of each write-ahead log. */
  readonly capacity?: number
}

/** The built threads, with one partition: partition 0 of `t`. */
async function start({ lanes = 1, capacity = 16 * mib, ...options }: Shape = {}): Promise<Running> {
  const failures: string[] = []
  const pipeline = await Pipeline.start({
    workers: { folder: new URL('../../dist/workers/', import.meta.url), extension: '.js' },
    logs: Array.from({ length: lanes }, (_, lane) => log(target(capacity, lane))),
    lost: new Map(),
    networkThreads: 1,
    logBytes: 4 * mib,
    receiveBytes: 8 * mib,
    inline: false,
    nodeId: 1,
    listeners: [{ name: 'PLAINTEXT', host: '127.0.0.1', port: 0 }],
    limits: {
      requestBytesMax: 4 * mib,
      fetchBytesMax: 16 * mib,
      sessionSlots: 10,
      connections: { max: 100, filesMax: 100, perHostMax: 100, hosts: new Map() },
      idleMs: 600_000,
      backlog: 16,
    },
    validation: { enabled: true, threads: 0 },
    onNetwork: (thread, message) => {
      used.add(thread)
      if (message.type === 'load')
        pipeline.notifyNetwork(thread, { type: 'loaded', token: message.token, index: message.index, loaded: null, error: 56 })
      if (message.type === 'forward')
        pipeline.notifyNetwork(thread, { type: 'answered', token: message.token, response: message.frame.subarray(4, 8) })
    },
    onFull: (_, isFull) => failures.push(`full: ${isFull}`),
    onFailure: (thread, error) => failures.push(`${thread}: ${error.message}`),
    ...options,
  })
  started.push(pipeline)
  const partition = { partitionId: 1, leaderEpoch: 2, logStartOffset: 0n, settings, storedEnd: 0, producers: [], lost: [] }
  expect(await pipeline.lanes.of(1).call({ type: 'open', partitions: [partition] })).toEqual({ type: 'done' })
  pipeline.notifyAll({ type: 'topics', set: [routedTopic('t', 'AAAAAAAAAAAAAAAAAAAAAQ', [1], settings)], deleted: [] })
  const [port] = await pipeline.listen()
  return { pipeline, client: await Connection.open(port!), failures }
}

const batch = (value: string, bytes = 10): Buffer =>
  encodeBatch([{ value: Buffer.from(value.padEnd(bytes, '.')) }], { baseTimestamp: 1_700_000_000_000n })
const send = async (client: Connection, records: Buffer, topic = 't') =>
  readProduce(await client.call(api.produce, produce([{ topic, partition: 0, records }])))[0]!
const read = async (client: Connection, offset: bigint, limits = {}) =>
  readFetch(await client.call(api.fetch, fetchRequest([{ topic: 't', partition: 0, offset }], limits))).parts[0]!
const textOf = (records: Buffer): string[] => decodeBatches(records).map(({ value }) => value!.toString().replace(/\.+$/, ''))

describe.each([
  ['with a thread for each stage', {}],
  ['with one thread for receiving and sequencing', { inline: true }],
  ['with three network threads and three lanes', { networkThreads: 3, lanes: 3 }],
])('the pipeline %s', (_, shape) => {
  test('stores what comes through a socket, gives it back, and has it after a restart', async () => {
    const first = await start(shape)
    expect(first.pipeline.lanes.of(1).recovery).toMatchObject({ records: 0 })
    const answers = await Promise.all(['a', 'b', 'c'].map((value) => send(first.client, batch(value))))
    expect(answers.map(({ error, baseOffset }) => [error, baseOffset])).toEqual([
      [0, 0n],
      [0, 1n],
      [0, 2n],
    ])
    expect(textOf((await read(first.client, 1n)).records)).toEqual(['b', 'c'])
    expect(await first.pipeline.lanes.of(1).call({ type: 'offsets', partitionId: 1 })).toMatchObject({ highWatermark: 3 })
    await first.pipeline.stop()
    started.length = 0
    expect(first.failures).toEqual([])

    const second = await start(shape)
    expect(second.pipeline.lanes.of(1).recovery.records).toBe(3)
    expect(await send(second.client, batch('d'))).toMatchObject({ error: 0, baseOffset: 3n })
    expect(textOf((await read(second.client, 0n)).records)).toEqual(['a', 'b', 'c', 'd'])
    expect(second.failures).toEqual([])
  })

  test('responds to requests that need no other stage, and to rejected ones, without another request', async () => {
    const { client } = await start(shape)
    expect(await send(client, batch('x'), 'unknown')).toMatchObject({ error: 3 })
    expect(await send(client, Buffer.alloc(20))).toMatchObject({ error: 87 })
    for (let i = 0; i < 200; i++) expect((await send(client, Buffer.alloc(20))).error).toBe(87)
    expect(await read(client, 99n)).toMatchObject({ error: 1 })
    const answer = await client.call(api.apiVersions, new Writer())
    expect(answer).toBeDefined()
  })

  test('wakes a fetch that waits', async () => {
    const { pipeline, client } = await start(shape)
    const other = await Connection.open(client.socket.remotePort!)
    const waiting = read(client, 0n, { waitMs: 30_000 })
    await pipeline.lanes.of(1).call({ type: 'offsets', partitionId: 1 })
    await send(other, batch('late'))
    expect(textOf((await waiting).records)).toEqual(['late'])
  })

  test('takes more than its memory holds, and gives every byte back', async () => {
    const { client, failures } = await start({ ...shape, capacity: 64 * mib })
    const values = Array.from({ length: 300 }, (_, i) => `value ${i}`)
    const sizes = values.map((_, i) => (i % 10 === 0 ? 700_000 : 5_000 + i))
    const answers = await Promise.all(values.map((value, i) => send(client, batch(value, sizes[i]))))
    expect(answers.every(({ error }) => error === 0)).toBe(true)
    const tail = await read(client, 296n)
    expect(textOf(tail.records)).toEqual(values.slice(296))
    expect(failures).toEqual([])
  })
})

/**
 * Code that ends a thread as soon as a file exists. It is put before the code of the thread. A thread in `Atomics.wait` ends before its
 * next wait, another one by a timer.
 */
const deathWith = (action: string, file: string): string => `import { existsSync } from 'node:fs'
const { wait } = Atomics
const die = () => { ${action} }
Atomics.wait = (...where) => existsSync('${file}') ? die() : wait(...where)
setInterval(() => existsSync('${file}') && die(), 20).unref()
`

const threads = ['network', 'sequencing', 'persistence', 'validation'] as const
async function checkDeath(name: (typeof threads)[number], action: string, reason: string): Promise<void> {
  const built = new URL('../../dist/workers/', import.meta.url)
  const file = join(folder, 'end')
  for (const each of threads) {
    writeFileSync(
      join(folder, `${each}.mjs`),
      `${each === name ? deathWith(action, file) : ''}await import('${new URL(`${each}.js`, built)}')\n`,
    )
  }
  const workers = { folder: pathToFileURL(`${folder}/`), extension: '.mjs' }
  const { client, failures } = await start({ workers, validation: { enabled: true, threads: 1 } })
  writeFileSync(file, '')
  // Some threads sleep until there is work; requests after the end of a thread are never answered.
  const packed = encodeBatch([{ value: Buffer.from('wake up') }], { attributes: 1 })
  const sending = setInterval(() => {
    for (const records of [batch('wake up'), packed]) void send(client, records).catch(() => {})
  }, 50)
  while (failures.length === 0) await new Promise((resolve) => setTimeout(resolve, 10))
  clearInterval(sending)
  expect(failures).toEqual([`${name}: ${reason}`])
}

test.each(threads)(
  'pipeline: a %s thread that throws is reported with its reason, and a stop ends all the same',
  { timeout: 30_000 },
  (name) => checkDeath(name, "throw new Error('it is over')", 'it is over'),
)

test.each(threads)('pipeline: a %s thread that exits is reported with its exit code, and a stop ends all the same', long(30_000), (name) =>
  checkDeath(name, 'process.exit(3)', 'it ended with exit code 3'),
)

test('pipeline: several network threads share a listener, which ends with the last one', { timeout: 60_000 }, async () => {
  const { client, pipeline, failures } = await start({ networkThreads: 3, lanes: 2 })
  used.clear()
  const port = client.socket.remotePort!
  for (let i = 0; i < 1000 && used.size < 3; i++) {
    const other = await Connection.open(port)
    await other.call(api.apiVersions, new Writer())
    other.close()
  }
  expect([...used].sort()).toEqual([0, 1, 2])
  await pipeline.stop()
  started.length = 0
  await expect(Connection.open(port)).rejects.toThrow('ECONNREFUSED')
  expect(failures).toEqual([])
})

test('pipeline: connections are counted for all network threads together', { timeout: 60_000 }, async () => {
  const few = { requestBytesMax: 4 * mib, fetchBytesMax: 16 * mib, sessionSlots: 10, idleMs: 600_000, backlog: 16 }
  for (const limits of [
    { max: 5, perHostMax: 100 },
    { max: 100, perHostMax: 5 },
  ]) {
    const connections = { filesMax: 100, hosts: new Map(), ...limits }
    const { client, pipeline } = await start({ networkThreads: 3, limits: { ...few, connections } })
    await client.call(api.apiVersions, new Writer())
    const others = await Promise.all(Array.from({ length: 20 }, () => Connection.open(client.socket.remotePort!)))
    const answers = await Promise.allSettled(others.map((other) => other.call(api.apiVersions, new Writer())))
    expect(answers.filter(({ status }) => status === 'fulfilled').length).toBe(4)
    for (const other of others) other.close()
    // A connection that has ended makes room for another one.
    let isServed = false
    while (!isServed) {
      const later = await Connection.open(client.socket.remotePort!)
      isServed = await later.call(api.apiVersions, new Writer()).then(
        () => true,
        () => false,
      )
      later.close()
    }
    await pipeline.stop()
    started.length = 0
  }
})

test('a log that is shorter than its capacity does not prevent the start', async () => {
  const first = await start()
  for (let i = 0; i < 3; i++) await send(first.client, batch(`${i}`, 5000))
  await first.pipeline.stop()
  started.length = 0
  truncateSync(join(folder, 'lane.wal'), 65536 + 3 * 8192 - 5000)
  const second = await start()
  expect((await second.pipeline.lanes.of(1).call({ type: 'offsets', partitionId: 1 })).type).toBe('offsets')
  await second.pipeline.stop()
  started.length = 0
  expect(second.failures).toEqual([])
})

test('a start that fails leaves no thread behind', async () => {
  const first = await start()
  for (let i = 0; i < 3; i++) await send(first.client, batch(`${i}`, 5000))
  await first.pipeline.stop()
  started.length = 0
  const fd = openSync(join(folder, 'lane.wal'), 'r+')
  writeSync(fd, Buffer.alloc(4096), 0, 4096, 65536)
  closeSync(fd)
  const threads = (): number => readdirSync('/proc/self/task').length
  const before = process.platform === 'linux' ? threads() : 0
  await expect(start()).rejects.toThrow('damaged at position 0')
  if (process.platform === 'linux') expect(threads()).toBeLessThanOrEqual(before)
})
