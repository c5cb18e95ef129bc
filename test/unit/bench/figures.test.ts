import { expect, test } from 'vitest'
import { checkedLimits, median, ratios } from '../../../bench/figures.ts'
import { buildFrame, copyFrame, Sequencer } from '../../../bench/load/frame.ts'
import { Histogram } from '../../../bench/load/histogram.ts'
import { slowestShare, Windows } from '../../../bench/load/windows.ts'
import { delays } from '../../../bench/run-beside-readers.ts'
import { chosen, isVoluminous, scenarios } from '../../../bench/scenarios.ts'
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

test('bench windows: each second and each window has what was acknowledged in it, and the last that did not end has none', () => {
  const seconds: number[] = []
  const windows = new Windows(2, (mib) => seconds.push(mib))
  const mib = 1 << 20
  windows.record(0, 1, 4 * mib)
  windows.record(999, 1, 4 * mib)
  windows.record(1000, 9, 2 * mib)
  windows.record(4100, 5, mib)
  windows.advance(4900)
  expect(seconds).toEqual([8, 2, 0, 0])
  expect(windows.mibBySecond).toEqual(seconds)
  expect(windows.windows.map(({ mibPerSecond }) => mibPerSecond)).toEqual([5, 0])
  expect(windows.windows[0]!.p99Ms).toBeGreaterThanOrEqual(9)
  expect(windows.windows[0]!.p999Ms).toBeLessThan(9.2)
})

test('bench windows: the slowest is a share of the first', () => {
  const window = (mibPerSecond: number) => ({ mibPerSecond, p99Ms: 1, p999Ms: 1 })
  expect(slowestShare([])).toBeUndefined()
  expect(slowestShare([window(200)])).toBe(1)
  expect(slowestShare([window(200), window(170), window(400)])).toBe(0.85)
})

test('bench figures: the worst round decides a limit, and only some scenarios have limits', () => {
  const sample = (slowestWindow: number, writtenPerByte: number) => ({ mibPerSecond: 1, slowestWindow, writtenPerByte, readPerByte: 0.05 })
  const outcomes = [{ peer: 'millrace', samples: [sample(0.9, 1.1), sample(0.84, 1.15)], failures: [] }]
  const named = (name: string) => scenarios.find((each) => each.name === name)!
  expect(checkedLimits([{ scenario: named('64k'), outcomes }])).toEqual([])
  const checked = checkedLimits([{ scenario: named('sustained-64k'), outcomes }])
  expect(checked.map(({ figure, value, limit, isReached }) => [figure, value, limit, isReached])).toEqual([
    ['slowestWindow', 0.84, 0.85, false],
    ['writtenPerByte', 1.15, 1.15, true],
    ['readPerByte', 0.05, 0.05, true],
  ])
  const idle = [{ peer: 'millrace', samples: [{ startMs: 2999, idleCpuPercent: 2.1 }], failures: [] }]
  expect(checkedLimits([{ scenario: named('partitions'), outcomes: idle }]).map(({ figure, isReached }) => [figure, isReached])).toEqual([
    ['startMs', true],
    ['idleCpuPercent', false],
  ])
})

test('bench figures: the delay of a consumer counts from the due time of each batch that it has seen', () => {
  const due = [0, 10, 20].map((baseOffset, index) => [baseOffset, 1000 + index * 5] as const)
  const found = delays(due, [
    [0, 1003],
    [10, 1105],
  ])
  expect(found.count).toBe(2)
  expect(found.maxMs).toBe(100)
  expect(found.quantileMs(0.5)).toBeCloseTo(3, 1)
})

test('bench figures: a request of the small requests has one record, and their table has both shapes', () => {
  const rows = chosen(['requests']).flatMap((each) => (each.kind === 'requests' ? [each] : []))
  expect(rows.map(({ name, targets }) => [name, targets['kafka']!.throughput])).toEqual([
    ['requests-100b', 1.3],
    ['requests-1k', 2.5],
  ])
  for (const { shape } of rows) {
    const frame = buildFrame({ ...shape, topic: 't', acks: -1, producerId: -1n, producerEpoch: -1 })
    expect(frame.records).toBe(1)
    expect(frame.batchBytes).toBeGreaterThan(shape.recordBytes)
    expect(frame.batchBytes).toBeLessThan(shape.recordBytes + 100)
  }
})

test('bench figures: long scenarios run only when they are selected, and their data is deleted soon', () => {
  const names = chosen([]).map(({ name }) => name)
  const found = chosen(['sustained', 'offered', 'behind'])
  expect(found.map(({ name }) => name)).toEqual([
    ...['sustained-64k', 'sustained-16k', 'sustained-64k-100p', 'sustained-16k-100p'],
    ...['offered-20', 'offered-20-catch-up', 'offered-50', 'offered-50-catch-up', 'offered-100', 'offered-100-catch-up'],
    ...['behind', 'behind-50'],
  ])
  expect(found.filter(({ name }) => names.includes(name))).toEqual([])
  expect(found.every(isVoluminous)).toBe(true)
  expect(chosen([]).some(isVoluminous)).toBe(false)
})

test('bench figures: a scenario that does not exist is rejected with the ones that do', () => {
  expect(() => chosen(['64k', 'fast'])).toThrow(/no scenario fast; there are 64k/)
})
