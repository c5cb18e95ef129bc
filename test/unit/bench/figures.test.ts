import { expect, test } from 'vitest'
import { median, ratios } from '../../../bench/figures.ts'
import { buildFrame, copyFrame, Sequencer } from '../../../bench/load/frame.ts'
import { Histogram } from '../../../bench/load/histogram.ts'
import { chosen, scenarios } from '../../../bench/scenarios.ts'
import { batchAt } from '../../support/batch.ts'
import { crc32c } from '../../support/crc32c.ts'

test('bench figures: a quantile of the histogram is never below the exact one and at most 1.6 % above', () => {
  const values = Array.from({ length: 5000 }, (_, index) => 0.003 + ((index * 7919) % 5000) * 0.037)
  const histogram = new Histogram()
  for (const value of values) histogram.record(value)
  const sorted = [...values].sort((a, b) => a - b)
  for (const share of [0.5, 0.9, 0.99, 0.999, 1]) {
    const exact = sorted[Math.ceil(sorted.length * share) - 1]!
    expect(histogram.quantileMs(share)).toBeGreaterThanOrEqual(exact - 0.0005)
    expect(histogram.quantileMs(share)).toBeLessThanOrEqual(exact * 1.016 + 0.001)
  }
})

test('bench figures: CRC-32C of the check string is the published one', () => {
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283)
})

test('bench figures: a sequence set without reading the records leaves the checksum that reading them would give', () => {
  const frame = copyFrame(buildFrame({ topic: 't', batchBytes: 4096, recordBytes: 100, acks: -1, producerId: 77n, producerEpoch: 3 }))
  const sequencer = new Sequencer(frame)
  for (const sequence of [0, 1, 255, 256, 65_536, 0x7fffffff, 0x12345678]) {
    sequencer.set(frame, sequence)
    const batch = frame.bytes.subarray(frame.batchStart, frame.batchStart + frame.batchBytes)
    expect(batch.readInt32BE(batchAt.baseSequence)).toBe(sequence)
    expect(batch.readUInt32BE(batchAt.crc)).toBe(crc32c(batch.subarray(batchAt.attributes)))
  }
})

test('bench figures: the median of an even number of rounds lies between the middle two', () => {
  expect(median([5, 1, 9])).toBe(5)
  expect(median([4, 1, 9, 2])).toBe(3)
})

test('bench figures: a ratio below its target is missed, one at its target is reached', () => {
  const scenario = scenarios.find((each) => each.name === '64k')!
  const sample = (mibPerSecond: number, brokerCpuSecondsPerGib: number) => ({ mibPerSecond, brokerCpuSecondsPerGib })
  const found = ratios([
    {
      scenario,
      outcomes: [
        { peer: 'millrace', samples: [sample(340, 1.3), sample(340, 1.3)], failures: [] },
        { peer: 'kafka', samples: [sample(200, 2.6)], failures: [] },
        { peer: 'kafka-flushed', samples: [sample(100, 5)], failures: [] },
      ],
    },
  ])
  expect(found.map((each) => [each.peer, each.figure, Number(each.ratio.toFixed(2)), each.isReached])).toEqual([
    ['kafka', 'throughput', 1.7, true],
    ['kafka', 'cpu', 0.5, true],
    ['kafka-flushed', 'throughput', 3.4, false],
    ['kafka-flushed', 'cpu', 0.26, null],
  ])
})

test('bench figures: a scenario that does not exist is rejected with the ones that do', () => {
  expect(() => chosen(['64k', 'fast'])).toThrow(/no scenario fast; there are 64k/)
})
