/**
 * `npm run storage`: a topic through a small log into a store and back, the effect of cold reads on other clients, and the store's charges.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Command } from 'commander'
import { createTopic } from '../../test/support/admin.ts'
import { type Broker, freePorts, startBroker } from '../../test/support/broker.ts'
import { connected } from '../../test/support/connection.ts'
import { root } from '../../test/support/root.ts'
import { median } from '../figures.ts'
import { outage } from './outage.ts'
import { pacedLoad, times } from './paced.ts'
import { startStore } from './stores.ts'
import { Templates } from './templates.ts'
import { wal } from './wal.ts'

interface Options {
  readonly store: string
  readonly gib: string
  readonly seconds: string
  readonly minutes: string
  readonly intervals: string
  readonly shape: string
  readonly idle: string
  readonly build: string | undefined
}

const options = new Command('storage')
  .description('A topic larger than the log into a store and back, catching up beside others, and the bill.')
  .argument('[parts...]', 'through, catchup, bill, all of them if none is given; or outage, on a store of its own; or wal')
  .option('--store <name>', 'file, MinIO, versitygw, Ceph', 'file')
  .option('--gib <count>', 'size of the topic', '1')
  .option('--seconds <count>', 'how long each load runs', '10')
  .option('--minutes <count>', 'how long an outage lasts', '10')
  .option('--intervals <list>', 'values of batchInterval for wal', '0,250')
  .option('--shape <text>', 'part of the names of the shapes for wal, such as 64 or 4 x 5', '')
  .option('--idle <seconds>', 'how long wal counts the requests of an idle node', '30')
  .option('--build <root>', 'another checkout of Millrace for wal, built')
  .parse()
const { store: storeName, gib, seconds, minutes, intervals, shape, idle, build } = options.opts<Options>()
const parts = options.args.length > 0 ? options.args : ['through', 'catchup', 'bill']
const mib = 1 << 20
if (options.args[0] === 'outage') {
  await outage(Number(minutes))
  process.exit()
}
if (options.args[0] === 'wal') {
  await wal({ store: storeName, seconds: Number(seconds), idleSeconds: Number(idle), intervals: intervals.split(','), shape, build })
  process.exit()
}

const store = await startStore(storeName)
const [metricsPort] = await freePorts(1)
const under = join(root, '.millrace', 'storage-data')
mkdirSync(under, { recursive: true })
const settings: Record<string, string> = {
  's3.wal.path': 'file://?capacity=512MiB',
  's3.object.delete.retention.minutes': '0',
  'metrics.listener': `http://127.0.0.1:${metricsPort}`,
  ...(store.uri === undefined ? {} : { 's3.data.buckets': store.uri }),
}
const broker = await startBroker({ kind: 'millrace', settings, under })
const batchCount = (templates: Templates): number => Math.floor((Number(gib) * 1024 * mib) / templates.batchBytes)

async function metrics(): Promise<ReadonlyMap<string, number>> {
  const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()
  return new Map(
    text.split('\n').flatMap((line) => (line.startsWith('#') ? [] : [[line.split(' ')[0]!, Number(line.split(' ')[1])] as const])),
  )
}

/** Samples the broker's memory twice a second while work runs. */
async function watched<T>(
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly seconds: number; readonly rss: readonly number[] }> {
  const rss: number[] = []
  const timer = setInterval(() => rss.push(broker.figures().rssMib), 500)
  const began = performance.now()
  try {
    return { result: await work(), seconds: (performance.now() - began) / 1000, rss }
  } finally {
    clearInterval(timer)
  }
}

function progress(what: string, count: number): (done: number) => void {
  let shown = 0
  return (done) => {
    const percent = Math.floor((done / count) * 100)
    if (percent > shown) process.stderr.write(`\r${what} ${(shown = percent)} %  `)
  }
}

const rate = (bytes: number, time: number): string => `${(bytes / mib / time).toFixed(0)} MiB/s`
const most = (figures: readonly number[]): string => Math.max(0, ...figures).toFixed(0)

async function through(): Promise<void> {
  const templates = new Templates()
  const count = batchCount(templates)
  const bytes = count * templates.batchBytes
  await connected(broker.port, (connection) => createTopic(connection, 'through'))
  const sent = await watched(() => templates.send(broker.port, 'through', count, progress('sent', count)))
  const before = await metrics()
  const read = await watched(() => templates.compare(broker.port, 'through', count, progress('read', count)))
  const after = await metrics()
  const gets = after.get('millrace_store_get_requests_total')! - before.get('millrace_store_get_requests_total')!
  console.log(
    `\r${(bytes / mib / 1024).toFixed(2)} GiB through a log of 512 MiB into ${store.name}: ${rate(bytes, sent.seconds)}, RSS at most ${most(sent.rss)} MiB`,
  )
  console.log(
    `and back, byte for byte: ${rate(bytes, read.seconds)}, RSS at most ${most(read.rss)} MiB, ${((gets * 1024 * mib) / bytes).toFixed(0)} GETs per GiB`,
  )
  const half = read.rss.length >> 1
  console.log(`RSS while reading, first and second half: at most ${most(read.rss.slice(0, half))} and ${most(read.rss.slice(half))} MiB`)
}

/** Reads a topic from its start repeatedly until it is stopped; returns the rate in MiB/s. */
function catchingUp(port: number, templates: Templates, count: number): () => Promise<string> {
  const began = performance.now()
  let took = 0
  let batches = 0
  const reading = (async () => {
    while (took === 0) {
      let seen = 0
      await templates.compare(port, 'old', count, (read) => {
        if (took === 0) batches += read - seen
        seen = read
      })
    }
  })()
  return async () => {
    took = (performance.now() - began) / 1000
    await reading
    return `; it read ${rate(batches * templates.batchBytes, took)}`
  }
}

/**
 * Effect of a catch-up reader on others: alone, beside one on the same node, and beside one on another node. The last case
 * shows the share of the machine.
 */
async function catchUp(): Promise<void> {
  const templates = new Templates()
  const count = batchCount(templates)
  const other = await startBroker({ kind: 'millrace', settings: { ...settings, 'metrics.listener': '' }, under })
  try {
    for (const { port } of [broker, other]) {
      await connected(port, (connection) => createTopic(connection, 'old'))
      await templates.send(port, 'old', count, progress('sent', count))
    }
    await pause(3000)
    const beside = { alone: null, 'beside a cold reader': broker, 'beside one of another node': other }
    const acknowledged: Record<string, number[]> = {}
    const consumed: Record<string, number[]> = {}
    for (const round of [1, 2, 3]) {
      for (const [where, node] of Object.entries(beside)) {
        const topic = `${where.replaceAll(' ', '-')}-${round}`
        await connected(broker.port, (connection) => createTopic(connection, topic))
        const stop = node && catchingUp(node.port, templates, count)
        const result = await pacedLoad({ port: broker.port, topic, partitions: 1, mibPerSecond: 20, seconds: Number(seconds) })
        console.log(`\r20 MiB/s ${where}, round ${round}: ${times(result)}${stop ? await stop() : ''}`)
        ;(acknowledged[where] ??= []).push(result.p99Ms)
        ;(consumed[where] ??= []).push(result.endToEnd.quantileMs(0.99))
      }
    }
    for (const where of Object.keys(beside)) {
      console.log(
        `${where}, medians of P99: acknowledged ${median(acknowledged[where]!).toFixed(2)} ms, consumed ${median(consumed[where]!).toFixed(2)} ms`,
      )
    }
  } finally {
    await other.remove()
  }
}

async function bill(): Promise<void> {
  await connected(broker.port, (connection) => createTopic(connection, 'many', 100))
  const before = await metrics()
  const produced = await pacedLoad({ port: broker.port, topic: 'many', partitions: 100, mibPerSecond: 32, seconds: Number(seconds) })
  await pause(2000)
  const after = await metrics()
  const count = (row: string): number => after.get(`millrace_store_${row}_total`)! - before.get(`millrace_store_${row}_total`)!
  const puts = count('put_requests') + count('post_requests') + count('copy_requests')
  const gibStored = count('sent_bytes') / mib / 1024
  const each = puts === 0 ? 'none' : `one for ${(produced.mib / puts).toFixed(1)} MiB produced`
  console.log(
    `\r32 MiB/s over 100 partitions for ${seconds} s: ${puts} requests of class A (PUT, POST, COPY), ${each}; ${count('get_requests')} GETs; ${gibStored.toFixed(2)} GiB sent`,
  )
}

const work: Readonly<Record<string, () => Promise<void>>> = { through, catchup: catchUp, bill }
try {
  for (const part of parts) {
    if (work[part] === undefined) throw new Error(`no part ${part}; there are ${Object.keys(work).join(', ')}`)
    await work[part]()
  }
} catch (error) {
  console.error(error, `\n${(broker as Broker).log.slice(-3000)}`)
  process.exitCode = 1
} finally {
  await broker.remove()
  await store.stop()
}
