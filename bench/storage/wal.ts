/**
 * An S3 WAL: throughput, latency, puts and charge of each shape of load, beside the store's own puts of the same size, and beside Tansu
 * where it is found.
 */
import { randomBytes, randomFillSync } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { meteredStore, newMeter } from '../../native-free-io/store/shared-store.ts'
import { storeUri } from '../../src/config/store-uri.ts'
import { isFault } from '../../src/object-store/store-faults.ts'
import { uploadsEager } from '../../src/pipeline/persistence/s3-persistence.ts'
import type { StoreLocation } from '../../src/ports/object-store.ts'
import { createTopic } from '../../test/support/admin.ts'
import { type Broker, freePorts, startBroker } from '../../test/support/broker.ts'
import { connected } from '../../test/support/connection.ts'
import { Histogram } from '../load/histogram.ts'
import type { ProduceResult } from '../load/messages.ts'
import { produceProcess } from '../load/process.ts'
import { dollarsPerDay, type Requests } from './aws-prices.ts'
import { type BenchServer, type BenchStore, startStore } from './stores.ts'
import { startTansu, tansuMissing } from './tansu.ts'

const kib = 1 << 10
const mib = 1 << 20
const gib = 1 << 30
const sizes = [
  { name: '64 KiB', batchBytes: 64 * kib, recordBytes: kib },
  { name: '16 KiB', batchBytes: 16 * kib, recordBytes: kib },
  { name: '1 MB', batchBytes: 1_000_000, recordBytes: 10 * kib },
] as const
const inFlight = 5
const shapes = sizes.flatMap((size) =>
  [1, 4].map((connections) => ({ ...size, connections, inFlight, name: `${size.name}, ${connections} x ${inFlight}` })),
)
type Shape = (typeof shapes)[number]
const ownPutsMs = 4000
/** Brokers are warm before a load is measured. */
const warmUpSeconds = 4
const secondsOfHour = 3600
/** The budget is an average over this time. */
const windowMs = 60_000

export interface WalOptions {
  readonly store: string
  readonly seconds: number
  readonly idleSeconds: number
  /** Values of `batchInterval`. */
  readonly intervals: readonly string[]
  /** Part of the names of the shapes to run. */
  readonly shape: string
  /** Root of another checkout of Millrace. */
  readonly build: string | undefined
}

export async function wal(options: WalOptions): Promise<void> {
  const store = await startStore(options.store)
  try {
    if (store.server === undefined) throw new Error('an S3 WAL needs an S3 store: use --store')
    const missing = tansuMissing()
    if (missing !== undefined) console.log(`Tansu is skipped: ${missing}`)
    for (const shape of shapes.filter(({ name }) => name.includes(options.shape))) {
      for (const interval of options.intervals) {
        const own = await millraceRow(shape, interval, store, options)
        await ownRow(own.bytesPerPut, uploadsEager, store)
      }
      // The most that a broker with one put for each batch can reach.
      await ownRow(shape.batchBytes, shape.connections * shape.inFlight, store)
      if (missing === undefined) await tansuRow(shape, store.server, options.seconds)
    }
    await idleRow(store, options)
  } finally {
    await store.stop()
  }
}

async function millrace(
  interval: string,
  { uri }: BenchStore,
  build: string | undefined,
): Promise<{ broker: Broker; metricsPort: number }> {
  const [metricsPort] = await freePorts(1)
  const broker = await startBroker({
    kind: 'millrace',
    ...(build === undefined ? {} : { build }),
    settings: {
      'cluster.id': randomBytes(16).toString('base64url'),
      's3.wal.path': `${uri}&batchInterval=${interval}`,
      's3.data.buckets': uri!,
      's3.wal.cache.size': '512MiB',
      'metrics.listener': `http://127.0.0.1:${metricsPort}`,
    },
  })
  await connected(broker.port, (connection) => createTopic(connection, 't', 1))
  return { broker, metricsPort: metricsPort! }
}

async function produced({ name: _, ...load }: Shape, port: number, seconds: number): Promise<ProduceResult> {
  const limits = { mibMax: 1e9, secondsMax: seconds, mibPerSecond: null }
  const producer = produceProcess({ ...load, ...limits, port, topic: 't', partitions: 1, acks: -1, isIdempotent: false })
  await producer.ready
  producer.send({ type: 'go' })
  return producer.done
}

async function millraceRow(
  shape: Shape,
  interval: string,
  store: BenchStore,
  { seconds, build }: WalOptions,
): Promise<{ readonly bytesPerPut: number }> {
  const { broker, metricsPort } = await millrace(interval, store, build)
  try {
    // A budget must hold from the start on.
    if (interval === '0') await produced(shape, broker.port, warmUpSeconds)
    const [cpu, before, counted] = [broker.figures().cpuSeconds, await writes(metricsPort), await store.server!.requests()]
    const result = await produced(shape, broker.port, seconds)
    const after = await writes(metricsPort)
    const puts = after.puts - before.puts
    const bytesPerPut = Math.round((after.bytes - before.bytes) / puts)
    const cpuPerGib = ((broker.figures().cpuSeconds - cpu) * kib) / result.mib
    console.log(
      [
        `Millrace, batchInterval ${interval}, ${shape.name}: ${loadText(result)}`,
        `${perGib(puts, result)} puts of the WAL per GiB (${(puts / result.seconds).toFixed(1)}/s of ${(bytesPerPut / kib).toFixed(0)} KiB)`,
        `${cpuPerGib.toFixed(1)} CPU-seconds per GiB`,
        ...requestsText(counted, await store.server!.requests(), result),
        ...budgetText(Number(interval), puts, result.seconds),
      ].join('; '),
    )
    return { bytesPerPut }
  } finally {
    await broker.remove()
  }
}

/** Objects of `maxBytesInBatch` are put without a token: the budget holds below that rate of bytes. */
function budgetText(interval: number, puts: number, seconds: number): readonly string[] {
  if (interval === 0) return []
  const allowed = Math.ceil((windowMs + seconds * 1000) / interval)
  return [`${puts} puts in ${seconds.toFixed(0)} s, the budget permits ${allowed}: ${puts <= allowed ? 'it holds' : 'IT IS EXCEEDED'}`]
}

async function tansuRow(shape: Shape, server: BenchServer, seconds: number): Promise<void> {
  const tansu = await startTansu(server)
  try {
    tansu.createTopic('t')
    await produced(shape, tansu.port, warmUpSeconds)
    const counted = await server.requests()
    const result = await produced(shape, tansu.port, seconds)
    console.log([`Tansu, ${shape.name}: ${loadText(result)}`, ...requestsText(counted, await server.requests(), result)].join('; '))
  } catch (error) {
    throw new Error(`Tansu: ${(error as Error).message}\n${tansu.log}`, { cause: error })
  } finally {
    await tansu.stop()
  }
}

const loadText = ({ mib: size, seconds, p50Ms, p99Ms }: ProduceResult): string =>
  `${(size / seconds).toFixed(1)} MiB/s; P50 ${p50Ms.toFixed(1)}, P99 ${p99Ms.toFixed(1)} ms`
const perGib = (count: number, result: ProduceResult): string => ((count * gib) / (result.mib * mib)).toFixed(0)

/** All requests of a broker, as the store counts them. */
function requestsText(before: Requests | undefined, after: Requests | undefined, result: ProduceResult): readonly string[] {
  if (before === undefined || after === undefined) return ['the store does not count requests']
  const requests = { puts: after.puts - before.puts, gets: after.gets - before.gets }
  return [`${perGib(requests.puts, result)} PUT, POST, COPY and LIST per GiB; ${dollarsPerDay(requests, result.seconds)}`]
}

/** Requests of a node that has records, without clients. */
async function idleRow(store: BenchStore, { idleSeconds, intervals, build }: WalOptions): Promise<void> {
  const { broker, metricsPort } = await millrace(intervals[0]!, store, build)
  try {
    await produced(shapes[0]!, broker.port, 1)
    await pause(settleMs)
    const [before, counted] = [await writes(metricsPort), await store.server!.requests()]
    await pause(idleSeconds * 1000)
    const [after, counts] = [await writes(metricsPort), await store.server!.requests()]
    const hourly = (count: number): string => ((count * secondsOfHour) / idleSeconds).toFixed(0)
    const all = counts && counted && { puts: counts.puts - counted.puts, gets: counts.gets - counted.gets }
    const others = all && `; ${hourly(all.puts)} PUT, POST, COPY and LIST per hour in all; ${dollarsPerDay(all, idleSeconds)}`
    console.log(`Millrace, idle for ${idleSeconds} s: ${hourly(after.puts - before.puts)} puts of the WAL per hour${others ?? ''}`)
  } finally {
    await broker.remove()
  }
}

/** The last groups are stored, and the WAL is trimmed where that is due. */
const settleMs = 3000

/** Objects of the WAL and their bytes so far. */
async function writes(metricsPort: number): Promise<{ readonly puts: number; readonly bytes: number }> {
  const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()
  const value = (name: string): number => Number(new RegExp(`^millrace_stage_persistence_${name}_total\\S* (\\d+)`, 'm').exec(text)![1])
  return { puts: value('writes'), bytes: value('bytes') }
}

/** Throughput and latency of puts of one size by one client, while no broker runs. */
async function ownRow(bytes: number, atOnce: number, { uri }: BenchStore): Promise<void> {
  const store = await meteredStore(storeUri.read(uri!) as StoreLocation, newMeter())
  const histogram = new Histogram()
  const body = randomFillSync(Buffer.alloc(bytes))
  const began = performance.now()
  let started = 0
  const client = async (): Promise<void> => {
    while (performance.now() - began < ownPutsMs) {
      const before = performance.now()
      const fault = await store.put(`own/${started++}`, [body], { ifAbsent: false })
      if (isFault(fault)) throw new Error(`a put failed: ${fault.detail}`)
      histogram.record(performance.now() - before)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, client))
  const rate = (histogram.count * bytes) / mib / ((performance.now() - began) / 1000)
  const times = `P50 ${histogram.quantileMs(0.5).toFixed(1)}, P99 ${histogram.quantileMs(0.99).toFixed(1)} ms`
  console.log(`  puts of ${(bytes / kib).toFixed(0)} KiB without a broker, ${atOnce} at a time: ${rate.toFixed(1)} MiB/s; ${times}`)
  await store.close()
}
