import { Histogram } from '../load/histogram.ts'
import type { ProduceResult } from '../load/messages.ts'
import { produceProcess, tailProcess } from '../load/process.ts'

const mib = 1 << 20
const shape = {
  connections: 4,
  inFlight: 5,
  batchBytes: 16 << 10,
  recordBytes: 1024,
  acks: -1,
  isIdempotent: false,
} as const

export interface Paced extends ProduceResult {
  /** From the due time of a batch to its arrival at the tail consumer. */
  readonly endToEnd: Histogram
}

/** A producer at a steady rate with a tail consumer. */
export async function pacedLoad(to: {
  port: number
  topic: string
  partitions: number
  mibPerSecond: number
  seconds: number
}): Promise<Paced> {
  const { seconds, mibPerSecond, ...where } = to
  const producer = produceProcess({ ...shape, ...where, mibPerSecond, mibMax: mibPerSecond * seconds, secondsMax: seconds, isTraced: true })
  const tail = tailProcess({ ...where, partitionMaxBytes: mib, maxBytes: 32 * mib, isTraced: true })
  await Promise.all([producer.ready, tail.ready])
  tail.send({ type: 'go' })
  producer.send({ type: 'go' })
  const produced = await producer.done
  tail.send({ type: 'until', ends: produced.ends })
  const due = new Map(produced.trace)
  const endToEnd = new Histogram()
  for (const [baseOffset, atMs] of (await tail.done).trace) endToEnd.record(atMs - due.get(baseOffset)!)
  return { ...produced, endToEnd }
}

export const times = ({ p50Ms, p99Ms, p999Ms, endToEnd }: Paced): string =>
  `acknowledged P50 ${p50Ms.toFixed(2)}, P99 ${p99Ms.toFixed(2)}, P99.9 ${p999Ms.toFixed(2)} ms; consumed P50 ${endToEnd.quantileMs(0.5).toFixed(2)}, P99 ${endToEnd.quantileMs(0.99).toFixed(2)} ms`
