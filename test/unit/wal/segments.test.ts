import { expect, test } from 'vitest'
import {
  rangeAt,
  SegmentEnds,
  segmentBytesFor,
  segmentFolder,
  segmentName,
  segmentStart,
  startOfSegment,
} from '../../../src/wal/segments.ts'

const MiB = 1 << 20
const layout = { bytes: 8 * MiB, from: 0 }

test.each([
  [2048, 128, 128],
  [2048, 64, 128],
  [2048, 48, 96],
  [2048, 256, 256],
  [512, 128, 128],
  [512, 64, 128],
  [256, 64, 64],
  [256, 128, 0],
  [8, 8, 0],
  [32, 8, 8],
])('segments: a log of %i MiB with a cache of %i MiB has segments of %i MiB', (capacity, cache, expected) => {
  expect(segmentBytesFor(capacity * MiB, cache * MiB)).toBe(expected * MiB)
})

test('segments: a name is a position, and names sort as positions do', () => {
  const starts = [0, 8 * MiB, 2 ** 40, Number.MAX_SAFE_INTEGER]
  const names = starts.map(segmentName)
  expect(names.toSorted()).toEqual(names)
  expect(names.map(startOfSegment)).toEqual(starts)
  for (const other of ['', 'lane-0.wal', '1.wal', `${segmentName(0)}.tmp`, '99999999999999999999.wal'])
    expect(startOfSegment(other)).toBeUndefined()
})

test('segments: the folder is beside the file of the superblocks', () => {
  expect(segmentFolder('/logs/wal/lane-0.wal')).toBe('/logs/wal/lane-0.segments')
  expect(segmentFolder('/logs/log')).toBe('/logs/log.segments')
})

test('segments: positions below the first segment are in the circular part, with its laps', () => {
  const log = { capacity: 32 * MiB, segments: { bytes: 8 * MiB, from: 40 * MiB } }
  expect(rangeAt(log, 33 * MiB, 100)).toEqual({ segment: -1, at: 100 + MiB, bytes: 31 * MiB })
  expect(rangeAt(log, 40 * MiB, 100)).toEqual({ segment: 40 * MiB, at: 0, bytes: 8 * MiB })
  expect(rangeAt(log, 49 * MiB - 1, 100)).toEqual({ segment: 48 * MiB, at: MiB - 1, bytes: 7 * MiB + 1 })
  expect(segmentStart(log.segments, 48 * MiB - 1)).toBe(40 * MiB)
})

const start = { trimmed: 0, previous: 0, previousIncarnation: 0 }

test('segment ends: the trim point is the first record after the segment, with the record before it', () => {
  const ends = new SegmentEnds(layout, start)
  ends.note(0, 1)
  ends.note(8 * MiB - 4096, 1)
  expect(ends.at(8 * MiB, 8 * MiB)).toBeUndefined()
  ends.note(8 * MiB, 2)
  ends.note(8 * MiB + 4096, 2)
  const point = { trimmed: 8 * MiB, previous: 8 * MiB - 4096, previousIncarnation: 1 }
  expect(ends.at(8 * MiB, 8 * MiB)).toBeUndefined()
  expect(ends.at(8 * MiB, 8 * MiB + 4096)).toEqual(point)
  expect(ends.at(16 * MiB, 8 * MiB + 4096)).toBeUndefined()
  ends.dropBelow(8 * MiB)
  expect(ends.at(8 * MiB, 8 * MiB + 4096)).toBeUndefined()
})

test('segment ends: a record that is segments away ends all of them', () => {
  const ends = new SegmentEnds(layout, start)
  ends.note(4096, 1)
  ends.note(20 * MiB, 1)
  const point = { trimmed: 20 * MiB, previous: 4096, previousIncarnation: 1 }
  expect(ends.at(8 * MiB, 24 * MiB)).toEqual(point)
  expect(ends.at(16 * MiB, 24 * MiB)).toEqual(point)
  expect(ends.at(24 * MiB, 24 * MiB)).toBeUndefined()
})

test('segment ends: the first record after a start has the record before the trim point', () => {
  const ends = new SegmentEnds(layout, { trimmed: 16 * MiB - 4096, previous: 12 * MiB, previousIncarnation: 3 })
  ends.note(16 * MiB, 4)
  expect(ends.at(16 * MiB, 17 * MiB)).toEqual({ trimmed: 16 * MiB, previous: 12 * MiB, previousIncarnation: 3 })
})
