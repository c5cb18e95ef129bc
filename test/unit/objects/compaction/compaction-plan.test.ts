import { expect, test } from 'vitest'
import {
  type CompactionLimits,
  type CompactionPlan,
  compactionLimits,
  isSplitCandidate,
  planMerge,
  planSplit,
} from '../../../../src/objects/compaction/compaction-plan.ts'
import { encodeIndex } from '../../../../src/objects/object-format.ts'
import { type LogStarts, ObjectMap } from '../../../../src/objects/object-map.ts'

import type { StoredObject } from '../../../../src/ports/stored-objects.ts'

const MiB = 1 << 20
const limits = { ...compactionLimits(false), setCount: 3, mergeCount: 3, splitBytes: 8 * MiB, mergeBytesMax: 128 * MiB }
type Piece = readonly [partition: number, start: number, end: number, mib: number]
const object = (objectId: number, ...pieces: readonly Piece[]): StoredObject => ({
  objectId,
  bytes: pieces.reduce((sum, [, , , mib]) => sum + mib * MiB, 0),
  parts: pieces.map(([partitionId, start, end, mib]) => ({ partitionId, start, end, bytes: mib * MiB, maxTimestamp: 0 })),
})
const everything = (): number => 0

/** The next compaction of these objects, as the compactor finds it. */
function planCompaction(objects: readonly StoredObject[], logStarts: LogStarts, limits: CompactionLimits): CompactionPlan | undefined {
  const map = new ObjectMap(logStarts)
  for (const each of objects) map.add(each)
  const all = map.watch()
  const candidates = [...all.objects].map((objectId) => map.object(objectId)!).filter((each) => isSplitCandidate(each, limits))
  const isMulti = (objectId: number): boolean => map.object(objectId)!.isMulti
  const merges = (): CompactionPlan[] => [...all.partitions].flatMap((id) => planMerge(map.from(id, 0), isMulti, limits) ?? [])
  return planSplit(candidates, limits) ?? merges()[0]
}

const shape = (plan: CompactionPlan | undefined) =>
  plan && {
    replaced: plan.replaced,
    outputs: plan.outputs.map(({ sources }) => sources.map(({ partitionId, start, end }) => [partitionId, start, end])),
  }

test('compaction plan: few multi-partition objects are left alone', () => {
  expect(planCompaction([object(1, [1, 0, 5, 4], [2, 0, 5, 4]), object(2, [1, 5, 9, 4], [2, 5, 9, 4])], everything, limits)).toBeUndefined()
})

test('compaction plan: an object of many partitions with a few bytes each is not taken apart because its index is larger than they are', () => {
  const parts = Array.from({ length: 1000 }, (_, partitionId) => ({ partitionId, start: 0, end: 1, bytes: 70, maxTimestamp: 0 }))
  const index = encodeIndex(
    parts.map((each) => ({ ...each, blocks: [{ ...each, baseOffset: 0, position: 70 * each.partitionId, crc: 0 }] })),
    70_000,
  )
  const set = { objectId: 1, bytes: 70_000 + index.length, parts }
  expect(planCompaction([set], everything, limits)).toBeUndefined()
  const half = (partitionId: number): number | undefined => (partitionId < 600 ? undefined : 0)
  expect(shape(planCompaction([set], half, limits))!.replaced).toEqual([1])
})

test('compaction plan: large partitions get an object of their own, small ones share one', () => {
  const sets = [object(1, [1, 0, 5, 4], [2, 0, 5, 1]), object(2, [1, 5, 9, 4], [2, 5, 9, 1]), object(3, [2, 9, 12, 1], [3, 0, 1, 1])]
  expect(shape(planCompaction(sets, everything, limits))).toEqual({
    replaced: [1, 2, 3],
    outputs: [
      [
        [1, 0, 5],
        [1, 5, 9],
      ],
      [
        [2, 0, 5],
        [2, 5, 9],
        [2, 9, 12],
        [3, 0, 1],
      ],
    ],
  })
})

test('compaction plan: a partition whose middle is elsewhere becomes two parts, in two objects', () => {
  const big = object(2, [1, 5, 9, 200], [2, 5, 9, 1])
  const sets = [
    object(1, [1, 0, 5, 1], [2, 0, 5, 1]),
    big,
    object(3, [1, 9, 12, 1], [2, 9, 12, 1]),
    object(4, [1, 12, 13, 1], [2, 12, 13, 1]),
    object(5, [3, 0, 1, 1], [4, 0, 1, 1]),
  ]
  expect(shape(planCompaction(sets, everything, limits))!.outputs).toEqual([
    [
      [1, 0, 5],
      [2, 0, 5],
      [3, 0, 1],
      [4, 0, 1],
    ],
    [
      [1, 9, 12],
      [1, 12, 13],
      [2, 9, 12],
      [2, 12, 13],
    ],
  ])
})

test('compaction plan: what is deleted is not carried on, and an object that is mostly dead is rewritten by itself', () => {
  const set = object(1, [1, 0, 5, 100], [2, 0, 5, 20])
  const logStarts = (partitionId: number): number | undefined => (partitionId === 1 ? undefined : 0)
  expect(shape(planCompaction([set], logStarts, limits))).toEqual({ replaced: [1], outputs: [[[2, 0, 5]]] })
  expect(planCompaction([set], () => 9, limits)).toBeUndefined()
})

/** A segment of 128 MiB with an index, of which these parts are records and the rest is gaps. */
const segment = (objectId: number, ...pieces: readonly Piece[]): StoredObject => ({
  ...object(objectId, ...pieces),
  bytes: 128 * MiB + 40 * 8192,
})

test('compaction plan: full segments are not rewritten, however many there are', () => {
  const full = Array.from({ length: 40 }, (_, index) => segment(index, [1, index, index + 1, 60], [2, index, index + 1, 60]))
  expect(planCompaction(full, everything, limits)).toBeUndefined()
  const single = Array.from({ length: 40 }, (_, index) => segment(index, [1, index, index + 1, 127]))
  expect(planCompaction(single, everything, { ...limits, mergeBytesMax: 8 * MiB })).toBeUndefined()
})

test('compaction plan: a segment is rewritten when most of its records are deleted', () => {
  const full = [segment(1, [1, 0, 5, 90], [2, 0, 5, 30]), segment(2, [1, 5, 9, 60], [2, 5, 9, 60])]
  const logStarts = (partitionId: number): number => (partitionId === 1 ? 5 : 0)
  expect(shape(planCompaction(full, logStarts, limits))).toEqual({ replaced: [1], outputs: [[[2, 0, 5]]] })
})

test('compaction plan: a segment that is mostly gaps is rewritten, also if it has one partition, and its result is not', () => {
  const padded = [segment(1, [1, 0, 5, 30]), segment(2, [1, 5, 9, 20], [2, 5, 9, 10]), segment(3, [1, 9, 12, 100])]
  expect(shape(planCompaction(padded, everything, limits))).toEqual({
    replaced: [1, 2],
    outputs: [
      [
        [1, 0, 5],
        [1, 5, 9],
      ],
      [[2, 5, 9]],
    ],
  })
  expect(planCompaction([object(4, [1, 0, 9, 50]), object(5, [2, 5, 9, 10]), padded[2]!], everything, limits)).toBeUndefined()
})

test('compaction plan: small neighbours of one partition are merged, across no gap', () => {
  const small = [object(1, [1, 0, 5, 9]), object(2, [1, 5, 9, 9]), object(3, [1, 9, 10, 9])]
  expect(shape(planCompaction(small, everything, limits))).toEqual({
    replaced: [1, 2, 3],
    outputs: [
      [
        [1, 0, 5],
        [1, 5, 9],
        [1, 9, 10],
      ],
    ],
  })
  expect(planCompaction([small[0]!, small[2]!, object(4, [1, 10, 11, 9])], everything, limits)).toBeUndefined()
  expect(planCompaction([small[0]!, object(2, [1, 5, 9, 500]), small[2]!], everything, limits)).toBeUndefined()
})

test.each([1, 2, 3, 4, 5])(
  'compaction plan: after compactions in random order every offset is in one object, and compaction ends (seed %i)',
  (seed) => {
    let state = seed
    const random = (below: number): number => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0
      return (state >>> 8) % below
    }
    const ends = new Map<number, number>()
    let objects: StoredObject[] = []
    let nextId = 1
    let written = 0
    let stored = 0
    for (let round = 0; round < 300; round++) {
      const partitionIds = [...new Set(Array.from({ length: 1 + random(6) }, () => 1 + random(8)))].sort((a, b) => a - b)
      const pieces = partitionIds.map((partitionId): Piece => {
        const start = ends.get(partitionId) ?? 0
        ends.set(partitionId, start + 1 + random(5))
        return [partitionId, start, ends.get(partitionId)!, 1 + random(partitionId * 2)]
      })
      objects.push(object(nextId++, ...pieces))
      stored += objects.at(-1)!.bytes
      for (
        let plan = planCompaction(objects, everything, limits), turns = 0;
        plan !== undefined;
        plan = planCompaction(objects, everything, limits)
      ) {
        expect(++turns, 'a compaction leaves less to do').toBeLessThan(50)
        const replaced = new Set(plan.replaced)
        objects = objects.filter(({ objectId }) => !replaced.has(objectId))
        for (const { sources } of plan.outputs) {
          const byPartition = new Map<number, (typeof sources)[number][]>()
          for (const source of sources) byPartition.set(source.partitionId, [...(byPartition.get(source.partitionId) ?? []), source])
          const parts = [...byPartition].map(
            ([partitionId, of]): Piece => [partitionId, of[0]!.start, of.at(-1)!.end, of.reduce((sum, { bytes }) => sum + bytes, 0) / MiB],
          )
          objects.push(object(nextId++, ...parts))
          written += objects.at(-1)!.bytes
        }
      }
      const map = new ObjectMap(everything)
      for (const each of objects) map.add(each)
      for (const [partitionId, end] of ends) {
        let at = 0
        for (const part of map.from(partitionId, 0)) {
          expect(part.start).toBe(at)
          at = part.end
        }
        expect(at).toBe(end)
      }
    }
    expect(written / stored, 'bytes written again for each that was stored').toBeLessThan(6)
  },
)
