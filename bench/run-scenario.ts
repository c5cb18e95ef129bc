import { createTopic } from '../test/support/admin.ts'
import { encodeBatch } from '../test/support/batch.ts'
import type { Broker } from '../test/support/broker.ts'
import { connected } from '../test/support/connection.ts'
import { api, produce, readProduce } from '../test/support/requests.ts'
import { assignedConsumer, consumerPerformance, producerPerformance } from './java.ts'
import type { TailResult } from './load/messages.ts'
import { type LoadProcess, produceProcess, tailProcess } from './load/process.ts'
import { packedRecords } from './packed-records.ts'
import type { Brokers, Peer } from './peers.ts'
import { runBehind, runOffered } from './run-beside-readers.ts'
import { runPartitions } from './run-partitions.ts'
import { runSustained } from './run-sustained.ts'
import { brokerSample, producedSample, type Sample } from './sample.ts'
import type { Scenario, Shape } from './scenarios.ts'

export interface RunOptions {
  readonly mib: number
  readonly secondsMax: number
  /** Of a sustained scenario, which has no limit by size. */
  readonly sustainedSeconds: number
  /** Of a scenario with an offered load and readers. */
  readonly offeredSeconds: number
  readonly backlogMib: number
  readonly onProgress: (mib: number) => void
  readonly onSecond: (second: number, mib: number) => void
}

/** Consumers read from memory: from the page cache on one side, from a log cache of 128 MiB on the other. */
const memoryMib = 96
/** Several times what a broker caches. */
const offeredBacklogMib = 4096
const unlimitedSeconds = 120
const tailLimits = { partitionMaxBytes: 1 << 20, maxBytes: 32 << 20 }

export function runScenario(scenario: Scenario, brokers: Brokers, peer: Peer, options: RunOptions): Promise<Sample> {
  switch (scenario.kind) {
    case 'produce':
      return runProduce(brokers, peer, scenario.shape, scenario.withTail, options)
    case 'sustained':
      return runSustained(brokers, peer, scenario.shape, { seconds: options.sustainedSeconds, onSecond: options.onSecond })
    case 'requests':
      return runRequests(brokers, peer, scenario.shape, options)
    case 'offered': {
      const backlogMib = Math.min(options.backlogMib, offeredBacklogMib)
      return runOffered(brokers, peer, scenario.shape, scenario.withCatchUp, { ...options, seconds: options.offeredSeconds, backlogMib })
    }
    case 'behind':
      return runBehind(brokers, peer, scenario.shape, { ...options, seconds: options.offeredSeconds })
    case 'java-produce':
      return runJavaProduce(brokers, peer, scenario.recordBytes, options)
    case 'java-consume':
      return runConsume(brokers, peer, options, scenario.byGroup ? consumerPerformance : assignedConsumer)
    case 'read':
      return runConsume(brokers, peer, options, ownConsumer)
    case 'startup':
      return runStartup(brokers, peer)
    case 'partitions':
      return runPartitions(brokers, peer, scenario.partitions)
  }
}

export function runProduce(brokers: Brokers, peer: Peer, shape: Shape, withTail: boolean, options: RunOptions): Promise<Sample> {
  const run = async (broker: Broker, topic: string): Promise<Sample> => {
    const packed = await packedRecords(shape)
    const load = {
      ...shape,
      packed,
      port: broker.port,
      topic,
      acks: -1,
      isIdempotent: false,
      mibMax: options.mib,
      secondsMax: options.secondsMax,
    }
    const producer = produceProcess(load, { onProgress: options.onProgress })
    const tail = withTail ? tailProcess({ port: broker.port, topic, partitions: shape.partitions, ...tailLimits }) : null
    try {
      await Promise.all([producer.ready, tail?.ready])
      const cpuBefore = broker.figures().cpuSeconds
      tail?.send({ type: 'go' })
      producer.send({ type: 'go' })
      const produced = await producer.done
      tail?.send({ type: 'until', ends: produced.ends })
      const tailed = await tail?.done
      return { ...producedSample(produced), ...tailSample(tailed), ...brokerSample(broker, cpuBefore, produced.mib) }
    } finally {
      producer.kill()
      tail?.kill()
    }
  }
  return brokers.withTopic(peer, shape.partitions, run, shape.mibPerSecond !== null)
}

/** The same with the figures of a request, each of which has one record. */
async function runRequests(brokers: Brokers, peer: Peer, shape: Shape, options: RunOptions): Promise<Sample> {
  const sample = await runProduce(brokers, peer, shape, false, options)
  const requestsPerSecond = sample.recordsPerSecond!
  const cpuMicrosPerSecond = (sample.brokerCpuSecondsPerGib! * 1e6 * sample.mibPerSecond!) / 1024
  return { ...sample, requestsPerSecond, brokerCpuMicrosPerRequest: cpuMicrosPerSecond / requestsPerSecond }
}

const tailSample = (result: TailResult | undefined): Sample =>
  result ? { tailMibPerSecond: result.mib / result.seconds, tailBehindMs: result.behindMs } : {}

/** A JVM must warm up, so a Java client gets twice the bytes. */
const javaFactor = 2

function runJavaProduce(brokers: Brokers, peer: Peer, recordBytes: number, options: RunOptions): Promise<Sample> {
  const mib = recordBytes < 1024 ? options.mib / 2 : options.mib * javaFactor
  const records = Math.ceil((mib * 1024 * 1024) / recordBytes)
  return brokers.withTopic(peer, 1, async (broker, topic) => {
    const cpuBefore = broker.figures().cpuSeconds
    const sample = await producerPerformance(broker.address, topic, records, recordBytes)
    return { ...sample, ...brokerSample(broker, cpuBefore, mib) }
  })
}

type Consume = (address: string, topic: string, records: number) => Promise<{ readonly mibPerSecond: number }>

/** Fills a topic first, then reads it while it is in memory, again and again until the time is over. */
function runConsume(brokers: Brokers, peer: Peer, options: RunOptions, consume: Consume): Promise<Sample> {
  const shape: Shape = { partitions: 1, connections: 1, inFlight: 5, batchBytes: 16 << 10, recordBytes: 1024, mibPerSecond: null }
  return brokers.withTopic({ ...peer, topicConfigs: {} }, 1, async (broker, topic) => {
    const fill = {
      ...shape,
      port: broker.port,
      topic,
      acks: -1,
      isIdempotent: false,
      mibMax: Math.min(options.mib, memoryMib),
      secondsMax: unlimitedSeconds,
    }
    const producer = produceProcess(fill)
    const { records, mib } = await ran(producer)
    const cpuBefore = broker.figures().cpuSeconds
    const began = performance.now()
    const rates: number[] = []
    do {
      const { mibPerSecond } = await consume(broker.address, topic, records)
      rates.push(mibPerSecond)
    } while (performance.now() - began < options.secondsMax * 1000)
    const seconds = rates.reduce((sum, rate) => sum + mib / rate, 0)
    const times = rates.length
    return {
      mibPerSecond: (times * mib) / seconds,
      recordsPerSecond: (times * records) / seconds,
      ...brokerSample(broker, cpuBefore, times * mib),
    }
  })
}

const ownConsumer: Consume = async (address, topic, records) => {
  const tail = tailProcess({ port: Number(address.split(':')[1]), topic, partitions: 1, ...tailLimits })
  await tail.ready
  tail.send({ type: 'until', ends: [records] })
  const { mib, seconds } = await ran(tail)
  return { mibPerSecond: mib / seconds }
}

async function ran<Result>(load: LoadProcess<Result>): Promise<Result> {
  await load.ready
  load.send({ type: 'go' })
  return load.done
}

/** Formatting is left out where it is a separate step; Millrace's is part of its first start. */
async function runStartup(brokers: Brokers, peer: Peer): Promise<Sample> {
  const broker = await brokers.prepare(peer)
  try {
    const began = performance.now()
    await broker.start()
    await connected(broker.port, async (connection) => {
      await createTopic(connection, 'first')
      const records = encodeBatch([{ value: Buffer.from('first') }])
      const [answer] = readProduce(await connection.call(api.produce, produce([{ topic: 'first', partition: 0, records }])))
      if (answer?.error !== 0) throw new Error(`the first record was rejected with error ${answer?.error}`)
    })
    return { startMs: performance.now() - began, rssIdleMib: broker.figures().rssMib }
  } finally {
    await broker.remove()
  }
}
