/** Messages through a ring, and the time to wake a thread that sleeps on its wake signal. */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { signalBytes } from '../src/ring/layout.ts'
import { RingConsumer, RingProducer, ringBytes } from '../src/ring/ring.ts'
import { WakeSignal } from '../src/ring/wake-signal.ts'
import { root } from '../test/support/root.ts'
import type { MicroRow } from './micro-row.ts'

const capacityWords = 1 << 16
/** Of an append message. */
const bodyWords = 6
const burst = 64
const place = { at: 0, capacityWords }
/** Words of the two wake signals behind the ring: the other thread's, and this thread's. */
const signals = { theirs: ringBytes(capacityWords) / 4, ours: (ringBytes(capacityWords) + signalBytes) / 4 } as const
const sharedBytes = ringBytes(capacityWords) + 2 * signalBytes

type Task = { readonly ringBench: 'drain' | 'echo'; readonly shared: SharedArrayBuffer; readonly count: number }

/** `messages` per measurement; a small value is enough for a test. */
export async function ringSpeed(messages = 5_000_000): Promise<readonly MicroRow[]> {
  const wakes = Math.max(10, Math.floor(messages / 500))
  const across = await throughThreads(messages)
  const trips = await roundTrips(wakes)
  const at = (share: number): number => trips[Math.floor((trips.length - 1) * share)]! * 1000
  return [
    { name: 'ring, one thread, bursts of 64', value: oneThread(messages) / 1e6, unit: 'M messages/s' },
    { name: 'ring, two threads, bursts of 64', value: across / 1e6, unit: 'M messages/s' },
    { name: 'wake a sleeping thread and be woken, P50', value: at(0.5), unit: 'us' },
    { name: 'wake a sleeping thread and be woken, P99', value: at(0.99), unit: 'us' },
  ]
}

function oneThread(messages: number): number {
  const words = new Int32Array(new SharedArrayBuffer(sharedBytes))
  const [producer, consumer] = [new RingProducer(words, place), new RingConsumer(words, place)]
  let sum = 0
  const began = performance.now()
  for (let sent = 0; sent < messages; sent += burst) {
    for (let i = 0; i < burst; i++) words[producer.claim(1, bodyWords)] = sent + i
    producer.publish()
    consumer.drain((_, at) => {
      sum += words[at]!
      return true
    }, burst)
  }
  const seconds = (performance.now() - began) / 1000
  if (sum <= 0) throw new Error('nothing came through the ring')
  return messages / seconds
}

async function throughThreads(messages: number): Promise<number> {
  const shared = new SharedArrayBuffer(sharedBytes)
  const words = new Int32Array(shared)
  const producer = new RingProducer(words, place)
  const { worker, done } = await peer({ ringBench: 'drain', shared, count: messages })
  const began = performance.now()
  for (let sent = 0; sent < messages; ) {
    for (let i = 0; i < burst && sent < messages; i++) {
      const at = producer.claim(1, bodyWords)
      if (at < 0) break
      words[at] = sent++
    }
    producer.publish()
  }
  await done
  const seconds = (performance.now() - began) / 1000
  await worker.terminate()
  return messages / seconds
}

/** Milliseconds, sorted. Both sides sleep, so each trip is two wake-ups. */
async function roundTrips(count: number): Promise<number[]> {
  const shared = new SharedArrayBuffer(sharedBytes)
  const words = new Int32Array(shared)
  const { worker, done } = await peer({ ringBench: 'echo', shared, count })
  const [theirs, ours] = [new WakeSignal(words, signals.theirs), new WakeSignal(words, signals.ours)]
  const trips: number[] = []
  for (let trip = 1; trip <= count; trip++) {
    // The other thread is asleep, or about to be.
    while (Atomics.load(words, signals.theirs) === 0);
    const began = performance.now()
    Atomics.store(words, 0, trip)
    theirs.ring()
    while (Atomics.load(words, 1) !== trip) ours.sleep(() => Atomics.load(words, 1) !== trip, 100)
    trips.push(performance.now() - began)
  }
  await done
  await worker.terminate()
  return trips.sort((a, b) => a - b)
}

async function peer(task: Task): Promise<{ worker: Worker; done: Promise<void> }> {
  const worker = new Worker(join(root, 'dist', 'bench', 'ring.js'), { workerData: task })
  const next = (): Promise<void> =>
    new Promise((resolve, reject) => {
      worker.once('message', () => resolve())
      worker.once('error', reject)
    })
  await next()
  return { worker, done: next() }
}

/** The other thread. */
function work({ ringBench, shared, count }: Task): void {
  const words = new Int32Array(shared)
  parentPort!.postMessage('ready')
  if (ringBench === 'drain') {
    const consumer = new RingConsumer(words, place)
    for (let taken = 0; taken < count; ) taken += consumer.drain((_, at) => words[at]! >= 0, 4 * burst)
  } else {
    const [theirs, ours] = [new WakeSignal(words, signals.theirs), new WakeSignal(words, signals.ours)]
    for (let trip = 1; trip <= count; trip++) {
      while (Atomics.load(words, 0) !== trip) theirs.sleep(() => Atomics.load(words, 0) !== trip, 100)
      Atomics.store(words, 1, trip)
      ours.ring()
    }
  }
  parentPort!.postMessage('done')
}

if (!isMainThread && (workerData as Task | null)?.ringBench !== undefined) work(workerData as Task)
else if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  for (const { name, value, unit } of await ringSpeed()) console.log(`${name.padEnd(44)} ${value.toFixed(2).padStart(8)} ${unit}`)
}
