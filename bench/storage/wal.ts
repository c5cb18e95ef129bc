/** Group commit of an S3 WAL: throughput, latency and puts of one load for each shape, beside the store's own puts of the same size. */
import { randomBytes, randomFillSync } from 'node:crypto'
import { meteredStore, newMeter } from '../../native-free-io/store/shared-store.ts'
import { storeUri } from '../../src/config/store-uri.ts'
import { isFault } from '../../src/object-store/store-faults.ts'
import type { StoreLocation } from '../../src/ports/object-store.ts'
import { createTopic } from '../../test/support/admin.ts'
import { freePorts, startBroker } from '../../test/support/broker.ts'
import { connected } from '../../test/support/connection.ts'
import { Histogram } from '../load/histogram.ts'
import { produceProcess } from '../load/process.ts'
import { startStore } from './stores.ts'

const kib = 1 << 10
const mib = 1 << 20
const gib = 1 << 30
const shapes = [
  { name: '64 KiB, 1 x 5', batchBytes: 64 * kib, connections: 1, inFlight: 5, recordBytes: kib },
  { name: '16 KiB, 4 x 5', batchBytes: 16 * kib, connections: 4, inFlight: 5, recordBytes: kib },
  { name: '1 MB, 1 x 5', batchBytes: 1_000_000, connections: 1, inFlight: 5, recordBytes: 10 * kib },
] as const
type Shape = (typeof shapes)[number]
const ownPutsMs = 5000

export interface WalOptions {
  readonly store: string
  readonly seconds: number
  /** Values of `batchInterval`. */
  readonly intervals: readonly string[]
  /** Root of another checkout of Millrace. */
  readonly build: string | undefined
}

export async function wal({ store: name, seconds, intervals, build }: WalOptions): Promise<void> {
  const store = await startStore(name)
  if (store.uri === undefined) throw new Error('an S3 WAL needs an S3 store: use --store')
  try {
    const ownPuts = await ownPutsOf(storeUri.read(store.uri) as StoreLocation)
    for (const interval of intervals) for (const shape of shapes) await row(shape, interval, { uri: store.uri, seconds, ownPuts, build })
  } finally {
    await store.stop()
  }
}

interface Run {
  readonly uri: string
  readonly seconds: number
  readonly build: string | undefined
  ownPuts(bytes: number): Promise<Histogram>
}

async function row(shape: Shape, interval: string, { uri, seconds, ownPuts, build }: Run): Promise<void> {
  const [metricsPort] = await freePorts(1)
  const broker = await startBroker({
    kind: 'millrace',
    ...(build === undefined ? {} : { build }),
    settings: {
      'cluster.id': randomBytes(16).toString('base64url'),
      's3.wal.path': `${uri}&batchInterval=${interval}`,
      's3.data.buckets': uri,
      's3.wal.cache.size': '512MiB',
      'metrics.listener': `http://127.0.0.1:${metricsPort}`,
    },
  })
  try {
    await connected(broker.port, (connection) => createTopic(connection, 't', 1))
    const before = await writes(metricsPort!)
    const limits = { mibMax: 1e9, secondsMax: seconds, mibPerSecond: null }
    const { name, ...load } = shape
    const producer = produceProcess({ ...load, ...limits, port: broker.port, topic: 't', partitions: 1, acks: -1, isIdempotent: false })
    await producer.ready
    producer.send({ type: 'go' })
    const result = await producer.done
    const after = await writes(metricsPort!)
    const puts = after.puts - before.puts
    const bytesPerPut = (after.bytes - before.bytes) / puts
    const own = await ownPuts(Math.round(bytesPerPut))
    console.log(
      [
        `batchInterval ${interval}, ${name}: ${(result.mib / result.seconds).toFixed(1)} MiB/s`,
        `P50 ${result.p50Ms.toFixed(1)}, P99 ${result.p99Ms.toFixed(1)} ms`,
        `${((puts * gib) / (result.mib * mib)).toFixed(0)} puts per GiB (${(puts / result.seconds).toFixed(1)}/s of ${(bytesPerPut / kib).toFixed(0)} KiB)`,
        `puts of this size by one client: P50 ${own.quantileMs(0.5).toFixed(1)}, P99 ${own.quantileMs(0.99).toFixed(1)} ms`,
      ].join('; '),
    )
  } finally {
    await broker.remove()
  }
}

/** Objects of the WAL and their bytes so far. */
async function writes(metricsPort: number): Promise<{ readonly puts: number; readonly bytes: number }> {
  const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()
  const value = (name: string): number => Number(new RegExp(`^millrace_stage_persistence_${name}_total\\S* (\\d+)`, 'm').exec(text)![1])
  return { puts: value('writes'), bytes: value('bytes') }
}

/** Latency of puts of one size, one after another, while the broker is idle. */
async function ownPutsOf(location: StoreLocation): Promise<Run['ownPuts']> {
  const store = await meteredStore(location, newMeter())
  return async (bytes) => {
    const histogram = new Histogram()
    const body = randomFillSync(Buffer.alloc(bytes))
    for (const began = performance.now(); performance.now() - began < ownPutsMs; ) {
      const before = performance.now()
      const fault = await store.put(`own/${histogram.count}`, [body], { ifAbsent: false })
      if (isFault(fault)) throw new Error(`a put failed: ${fault.detail}`)
      histogram.record(performance.now() - before)
    }
    return histogram
  }
}
