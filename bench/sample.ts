import type { Broker } from '../test/support/broker.ts'
import type { ProduceResult } from './load/messages.ts'

/** One run's figures; a figure that a scenario does not have is left out. */
export interface Sample {
  readonly mibPerSecond?: number
  readonly recordsPerSecond?: number
  readonly requestsPerSecond?: number
  readonly p50Ms?: number
  readonly p99Ms?: number
  readonly p999Ms?: number
  readonly brokerCpuSecondsPerGib?: number
  readonly brokerCpuMicrosPerRequest?: number
  readonly generatorCpuSecondsPerGib?: number
  readonly rssPeakMib?: number
  readonly rssIdleMib?: number
  readonly tailMibPerSecond?: number
  readonly tailBehindMs?: number
  /** From the due time of a batch to its arrival at the consumer at the end of the log. */
  readonly consumedP99Ms?: number
  readonly consumedP999Ms?: number
  readonly catchUpMibPerSecond?: number
  readonly startMs?: number
  /** Processor time of an idle broker, in percent of a core. */
  readonly idleCpuPercent?: number
  /** The slowest window as a share of the first. */
  readonly slowestWindow?: number
  /** Bytes that the broker wrote to and read from its disk, for each byte produced. */
  readonly writtenPerByte?: number
  readonly readPerByte?: number
  /** Bytes that the broker read from its disk, for each byte that a catch-up reader received. */
  readonly readPerByteConsumed?: number
}

export const producedSample = (result: ProduceResult): Sample => ({
  mibPerSecond: result.mib / result.seconds,
  recordsPerSecond: result.records / result.seconds,
  p50Ms: result.p50Ms,
  p99Ms: result.p99Ms,
  p999Ms: result.p999Ms,
  generatorCpuSecondsPerGib: (result.generatorCpuSeconds * 1024) / result.mib,
})

export function brokerSample(broker: Broker, cpuBefore: number, mib: number): Sample {
  const { cpuSeconds, rssPeakMib } = broker.figures()
  return { brokerCpuSecondsPerGib: ((cpuSeconds - cpuBefore) * 1024) / mib, rssPeakMib }
}
