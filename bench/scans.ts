/** Lookups and sums over the batches of one partition in the WAL, with as many batches as a full WAL of small batches has. */
import { below, prng } from '../src/base/prng.ts'
import { Partition } from '../src/partition/partition.ts'
import type { MicroRow } from './micro-row.ts'

const batchBytes = 200
const recordBytes = 72 + batchBytes
const repeats = 201

/** The time of each command of the sequencer thread that reads the index of a partition with `batches` entries. */
export async function scanSpeed(batches = 1_000_000): Promise<readonly MicroRow[]> {
  const random = prng(1)
  const partition = new Partition(1)
  let clock = 1.7e12
  for (let i = 0; i < batches; i++) {
    // Producers with clocks that differ by up to a second.
    clock += 1
    partition.push(i * 4, 4, 4096 + i * recordBytes, batchBytes, clock - below(random, 1000))
  }
  const end = 4096 + batches * recordBytes
  const row = (name: string, run: () => unknown, count = repeats): MicroRow => {
    const times = Array.from({ length: count }, () => {
      const began = performance.now()
      run()
      return (performance.now() - began) * 1000
    })
    times.sort((a, b) => a - b)
    const at = (share: number): number => times[Math.floor((count - 1) * share)]!
    const remark = `median of ${count}; P90 ${at(0.9).toFixed(1)}, longest ${at(1).toFixed(1)}`
    return { name: `${name}, ${batches} batches`, value: at(0.5), unit: 'us', remark }
  }
  // The first call after a recovery, when all batches are durable at once.
  const rows = [row('high watermark after recovery', () => partition.advanceDurable(end - 1), 1)]
  partition.advanceDurable(end)
  const anywhere = (): number => 1.7e12 + below(random, batches)
  return [
    ...rows,
    row('ListOffsets by time, any', () => partition.firstSince(anywhere(), 0)),
    row('ListOffsets by time, none', () => partition.firstSince(clock + 1, 0)),
    row('ListOffsets by time, from an offset', () => partition.firstSince(clock + 1, below(random, batches * 4))),
    row('ListOffsets by largest timestamp', () => partition.latest(0)),
    row('size for ListOffsets, retention and cleaning', () => partition.walStats(below(random, batches * 4))),
    row('removal of a stored part', () => partition.dropBelow(4096 + below(random, batches / 2) * recordBytes)),
  ]
}
