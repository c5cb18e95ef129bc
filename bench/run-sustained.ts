import type { Broker } from '../test/support/broker.ts'
import { produceProcess } from './load/process.ts'
import { type LoadWindow, slowestShare } from './load/windows.ts'
import type { Brokers, Peer } from './peers.ts'
import { brokerSample, producedSample, type Sample } from './sample.ts'
import type { Shape } from './scenarios.ts'

/** One run with its course. */
export interface SustainedSample extends Sample {
  readonly windows: readonly LoadWindow[]
  readonly mibBySecond: readonly number[]
}

export const isSustained = (sample: Sample): sample is SustainedSample => 'windows' in sample

export interface SustainedOptions {
  readonly seconds: number
  /** Called for each second of the run, counted from 1. */
  readonly onSecond: (second: number, mib: number) => void
}

const windowSecondsMax = 10
/** More than any run writes. */
const mibMax = 1e9
/** Both brokers hold this much of the topic, so that a run of any length fits the disk; Kafka's segments are a quarter of it. */
const retainedBytes = 4 * 2 ** 30

/** Produces at saturation for a fixed time, regardless of the amount of data. */
export function runSustained(brokers: Brokers, peer: Peer, shape: Shape, options: SustainedOptions): Promise<SustainedSample> {
  const topicConfigs = {
    'retention.bytes': String(Math.floor(retainedBytes / shape.partitions)),
    'segment.bytes': String(Math.floor(retainedBytes / 4 / shape.partitions)),
  }
  const run = async (broker: Broker, topic: string): Promise<SustainedSample> => {
    let second = 0
    const load = {
      ...shape,
      port: broker.port,
      topic,
      acks: -1,
      isIdempotent: false,
      mibMax,
      secondsMax: options.seconds,
      windowSeconds: Math.min(windowSecondsMax, options.seconds / 2),
    }
    const producer = produceProcess(load, {
      onSecond: (mib) => {
        second += 1
        options.onSecond(second, mib)
      },
    })
    try {
      await producer.ready
      const before = broker.figures()
      producer.send({ type: 'go' })
      const produced = await producer.done
      const after = broker.figures()
      const share = slowestShare(produced.windows)
      return {
        ...producedSample(produced),
        ...brokerSample(broker, before.cpuSeconds, produced.mib),
        writtenPerByte: (after.writtenMib - before.writtenMib) / produced.mib,
        readPerByte: (after.readMib - before.readMib) / produced.mib,
        ...(share === undefined ? {} : { slowestWindow: share }),
        windows: produced.windows,
        mibBySecond: produced.mibBySecond,
      }
    } finally {
      producer.kill()
    }
  }
  // The disk is idle first: deletion of the gigabytes of the run before would slow down the first window.
  return brokers.withTopic({ ...peer, topicConfigs }, shape.partitions, run, true)
}
