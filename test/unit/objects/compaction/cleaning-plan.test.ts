import { expect, test } from 'vitest'
import { BlockPacker } from '../../../../src/objects/block-packer.ts'
import { ActiveSegments } from '../../../../src/objects/compaction/active-segments.ts'
import { type CleaningState, cleaningOf, dirtiest, grouped } from '../../../../src/objects/compaction/cleaning-plan.ts'
import { KeyMap } from '../../../../src/objects/compaction/key-map.ts'
import type { StoredPart } from '../../../../src/ports/stored-objects.ts'
import { part as partAt } from '../parts.ts'

const part = (start: number, bytes: number, maxTimestamp = 1000): StoredPart => partAt(start, bytes, maxTimestamp)
const state = (changes: Partial<CleaningState>, limits: Partial<CleaningState['limits']> = {}): CleaningState => ({
  partitionId: 1,
  parts: [part(0, 300), part(10, 60), part(20, 40)],
  logStart: 0,
  cleaned: 10,
  limits: { minCompactionLagMs: 0, maxCompactionLagMs: Number.POSITIVE_INFINITY, minCleanableRatio: 0.2, ...limits },
  dirtySince: Number.POSITIVE_INFINITY,
  nowMs: 5000,
  ...changes,
})

test('cleaning plan: a partition is compacted when its dirty ratio exceeds the limit', () => {
  expect(cleaningOf(state({}))).toMatchObject({ dirtyFrom: 10, ratio: 0.25 })
  expect(cleaningOf(state({}, { minCleanableRatio: 0.25 }))).toBe(undefined)
  expect(cleaningOf(state({ cleaned: 30 }, { minCleanableRatio: 0 }))).toBe(undefined)
  expect(cleaningOf(state({ parts: [part(20, 40)], cleaned: 0, logStart: 25 }))).toMatchObject({ dirtyFrom: 25, ratio: 1 })
})

test('cleaning plan: a part of which only the end is dirty counts as dirty', () => {
  expect(cleaningOf(state({ cleaned: 15 }))).toMatchObject({ dirtyFrom: 15, ratio: 0.25 })
})

test('cleaning plan: records that are younger than min.compaction.lag.ms hold back their part and all behind it', () => {
  const parts = [part(0, 100), part(10, 100, 4500), part(20, 100, 1000)]
  const lag = { minCompactionLagMs: 501 }
  expect(cleaningOf(state({ parts, cleaned: 0 }, lag))!.parts).toEqual(parts.slice(0, 1))
  expect(cleaningOf(state({ parts, cleaned: 0 }, { minCompactionLagMs: 500 }))!.parts).toEqual(parts)
  expect(cleaningOf(state({ parts, cleaned: 10 }, lag))).toBe(undefined)
  expect(cleaningOf(state({ parts, cleaned: 20, nowMs: 4600 }, lag))!.parts, 'what has been compacted holds back nothing').toEqual(parts)
})

test('cleaning plan: records that are older than max.compaction.lag.ms are compacted regardless of the ratio', () => {
  const limits = { minCleanableRatio: 1, maxCompactionLagMs: 1000 }
  expect(cleaningOf(state({ dirtySince: 3999 }, limits))).toMatchObject({ dirtyFrom: 10 })
  expect(cleaningOf(state({ dirtySince: 4000 }, limits))).toBe(undefined)
})

test('cleaning plan: the filthiest comes first', () => {
  const of = (partitionId: number, ratio: number) => ({ partitionId, parts: [], dirtyFrom: 0, ratio })
  expect(dirtiest([of(1, 0.5), of(2, 0.9), of(3, 0.9)])?.partitionId).toBe(2)
  expect(dirtiest([])).toBe(undefined)
})

test('cleaning plan: parts share an object as long as they fit in one, and a larger one is alone', () => {
  const groups = grouped([part(0, 40), part(10, 60), part(20, 1), part(30, 200), part(40, 5)], 100)
  expect(groups.map((group) => group.map(({ start }) => start))).toEqual([[0, 10], [20], [30], [40]])
  expect(grouped([], 100)).toEqual([])
})

const limits = { segmentMs: 1000, segmentBytes: 500, maxCompactionLagMs: Number.POSITIVE_INFINITY }

test('cleaning plan: what is in the log is to be stored when its first record is too old, or it has been there for too long', () => {
  const segments = new ActiveSegments()
  expect(segments.isDue(1, { start: 0, bytes: 10, oldest: 9001 }, limits, 10_000)).toBe(false)
  expect(segments.isDue(1, { start: 0, bytes: 10, oldest: 9001 }, limits, 10_001)).toBe(true)
  expect(segments.isDue(2, { start: 0, bytes: 10, oldest: -1 }, limits, 10_000)).toBe(false)
  expect(segments.isDue(2, { start: 5, bytes: 10, oldest: -1 }, limits, 10_999), 'another part').toBe(false)
  expect(segments.isDue(2, { start: 5, bytes: 10, oldest: -1 }, limits, 11_999)).toBe(true)
  expect(segments.isDue(3, { start: 0, bytes: 0, oldest: 0 }, limits, 10_000), 'nothing').toBe(false)
  expect(segments.isDue(4, { start: 0, bytes: 10, oldest: 9000 }, { ...limits, segmentMs: 1e9, maxCompactionLagMs: 1000 }, 10_000)).toBe(
    true,
  )
})

test('cleaning plan: what is too large is to be stored at once, and records with dates of long ago not all the time', () => {
  const segments = new ActiveSegments()
  expect(segments.isDue(1, { start: 0, bytes: 500, oldest: 10_000 }, limits, 10_000)).toBe(true)
  const old = new ActiveSegments()
  const due = Array.from({ length: 30 }, (_, i) => old.isDue(1, { start: i, bytes: 1, oldest: 1 }, limits, 10_000 + i * 100))
  expect(due.filter(Boolean)).toHaveLength(3)
})

test('cleaning plan: a key map accepts as many keys as it has room for, and contains the last offset of each', () => {
  const hash = (key: number): Buffer => {
    const bytes = Buffer.alloc(16)
    bytes.writeUInt32LE(key % 7, 0)
    bytes.writeUInt32LE(key, 12)
    return bytes
  }
  const map = new KeyMap(24 * 5000)
  let taken = 0
  while (map.put(hash(taken), taken)) taken++
  expect(taken).toBe(4500)
  expect(map.put(hash(3), 77_777), 'a key that is there needs no room').toBe(true)
  for (let key = 0; key < taken; key++) expect(map.get(hash(key))).toBe(key === 3 ? 77_777 : key)
  expect(map.get(hash(taken))).toBe(-1)
})

test('cleaning plan: a block ends before it spans more offsets than its index can encode, and its timestamp is that of batches with records', () => {
  const packer = new BlockPacker(0)
  const batch = (baseOffset: number, maxTimestamp: number, isEmpty = false) => {
    return packer.add({ bytes: new Uint8Array(100), baseOffset, end: baseOffset + 1, maxTimestamp, isEmpty }).length
  }
  expect([batch(0, 5), batch(2 ** 32 - 2, 7), batch(2 ** 32 - 1, 3), batch(2 ** 33, 9, true)]).toEqual([0, 0, 2, 1])
  expect(packer.finish()).toHaveLength(1)
  expect(packer.blocks).toMatchObject([
    { baseOffset: 0, end: 2 ** 32 - 1, position: 0, bytes: 200, maxTimestamp: 7 },
    { baseOffset: 2 ** 32 - 1, end: 2 ** 32, position: 200, bytes: 100, maxTimestamp: 3 },
    { baseOffset: 2 ** 33, end: 2 ** 33 + 1, position: 300, bytes: 100, maxTimestamp: 9 },
  ])
})
