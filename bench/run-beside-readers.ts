import type { Broker } from '../test/support/broker.ts'
import { Histogram } from './load/histogram.ts'
import type { Trace } from './load/messages.ts'
import { produceProcess, tailProcess } from './load/process.ts'
import type { Brokers, Peer } from './peers.ts'
import { brokerSample, producedSample, type Sample } from './sample.ts'
import type { Shape } from './scenarios.ts'

export interface BacklogOptions {
  readonly seconds: number
  /** Size of what a catch-up reader reads. */
  readonly backlogMib: number
  readonly onProgress: (mib: number) => void
}

/** More than any run writes. */
const mibMax = 1e9
const secondsMax = 3600
const readLimits = { partitionMaxBytes: 1 << 20, maxBytes: 32 << 20 }
/** A backlog is produced at full speed. */
const fillShape = { partitions: 1, connections: 1, inFlight: 5, batchBytes: 64 << 10, recordBytes: 1024, mibPerSecond: null }
const unconditional = { acks: -1, isIdempotent: false }

/**
 * A producer at an offered load, with a consumer at the end of the log. With a catch-up reader the topic has a backlog, and the reader
 * reads it from the first record, again and again, until the producer has ended.
 */
export function runOffered(brokers: Brokers, peer: Peer, shape: Shape, withCatchUp: boolean, options: BacklogOptions): Promise<Sample> {
  const run = async (broker: Broker, topic: string): Promise<Sample> => {
    const to = { port: broker.port, topic }
    const ends = withCatchUp ? await fill(to, options) : [0]
    const load = { ...shape, ...to, ...unconditional, mibMax, secondsMax: options.seconds, isTraced: true }
    const producer = produceProcess(load, { onProgress: options.onProgress })
    const tail = tailProcess({ ...to, ...readLimits, partitions: 1, startOffsets: ends, isTraced: true })
    const catchUp = withCatchUp ? tailProcess({ ...to, ...readLimits, partitions: 1, isRepeated: true }) : null
    try {
      await Promise.all([producer.ready, tail.ready, catchUp?.ready])
      const before = broker.figures()
      catchUp?.send({ type: 'until', ends })
      for (const each of [catchUp, tail, producer]) each?.send({ type: 'go' })
      const produced = await producer.done
      catchUp?.send({ type: 'stop' })
      tail.send({ type: 'until', ends: produced.ends })
      const [tailed, caughtUp] = await Promise.all([tail.done, catchUp?.done])
      const consumed = delays(produced.trace, tailed.trace)
      return {
        ...producedSample(produced),
        ...brokerSample(broker, before.cpuSeconds, produced.mib),
        consumedP99Ms: consumed.quantileMs(0.99),
        consumedP999Ms: consumed.quantileMs(0.999),
        ...(caughtUp ? { catchUpMibPerSecond: caughtUp.mib / caughtUp.seconds } : {}),
      }
    } finally {
      for (const each of [producer, tail, catchUp]) each?.kill()
    }
  }
  return brokers.withTopic(peer, 1, run, true)
}

/** A consumer of a whole backlog while a producer continues; the producer ends when the consumer has read it. */
export function runBehind(brokers: Brokers, peer: Peer, shape: Shape, options: BacklogOptions): Promise<Sample> {
  return brokers.withTopic(peer, 1, async (broker, topic) => {
    const to = { port: broker.port, topic }
    const ends = await fill(to, options)
    const producer = produceProcess({ ...shape, ...to, ...unconditional, mibMax, secondsMax })
    const consumer = tailProcess({ ...to, ...readLimits, partitions: 1 }, { onProgress: options.onProgress })
    try {
      await Promise.all([producer.ready, consumer.ready])
      const before = broker.figures()
      consumer.send({ type: 'until', ends })
      for (const each of [producer, consumer]) each.send({ type: 'go' })
      const consumed = await consumer.done
      const readMib = broker.figures().readMib - before.readMib
      producer.send({ type: 'stop' })
      const produced = await producer.done
      return {
        ...producedSample(produced),
        ...brokerSample(broker, before.cpuSeconds, produced.mib),
        catchUpMibPerSecond: consumed.mib / consumed.seconds,
        readPerByteConsumed: readMib / consumed.mib,
      }
    } finally {
      for (const each of [producer, consumer]) each.kill()
    }
  })
}

/** Returns the end offsets. */
async function fill(to: { readonly port: number; readonly topic: string }, options: BacklogOptions): Promise<readonly number[]> {
  const load = { ...fillShape, ...to, ...unconditional, mibMax: options.backlogMib, secondsMax }
  const producer = produceProcess(load, { onProgress: options.onProgress })
  try {
    await producer.ready
    producer.send({ type: 'go' })
    return (await producer.done).ends
  } finally {
    producer.kill()
  }
}

/** From the due time of each batch to its arrival at the consumer. */
export function delays(due: Trace, seen: Trace): Histogram {
  const dueAt = new Map(due)
  const found = new Histogram()
  for (const [baseOffset, atMs] of seen) found.record(atMs - dueAt.get(baseOffset)!)
  return found
}
