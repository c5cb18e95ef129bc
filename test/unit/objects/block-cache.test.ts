import { expect, test } from 'vitest'
import { BlockCache, type CachedBlock } from '../../../src/objects/block-cache.ts'
import { spanOf } from '../../../src/objects/block-runs.ts'
import type { DataBlock } from '../../../src/ports/stored-objects.ts'

const blockOf = (position: number, bytes: number): DataBlock => ({
  baseOffset: position,
  end: position + 1,
  position,
  bytes,
  crc: 0,
  maxTimestamp: 0,
})
const loaded = (blocks: readonly CachedBlock[]): void => {
  for (const each of blocks) each.pins--
}

test('block cache: blocks of one request are adjacent, and are found by object and position', () => {
  const cache = new BlockCache(4096, 1000, () => {})
  const reserved = cache.reserve(7, 1, [blockOf(50, 100), blockOf(150, 30)], true)!
  expect(reserved.map(({ address }) => address)).toEqual([4096, 4196])
  expect(cache.find(7, 150)).toBe(reserved[1])
  expect(cache.find(8, 150)).toBeUndefined()
})

test('block cache: a run with gaps reserves its whole span, and its blocks get addresses without gaps', () => {
  const cache = new BlockCache(4096, 1000, () => {})
  const gapped = cache.reserve(7, 1, [blockOf(50, 100), blockOf(200, 30), blockOf(520, 80)], true)!
  expect(gapped.map(({ address }) => address)).toEqual([4096, 4196, 4226])
  expect(cache.reserve(7, 1, [blockOf(600, 450)], true)?.map(({ address }) => address)).toEqual([4096 + 550])
  expect(cache.reserve(7, 2, [blockOf(5000, 1)], true)).toBeUndefined()
})

test('block cache: the oldest make room, and those that are read or loaded are stepped over', () => {
  const unread: number[] = []
  const cache = new BlockCache(0, 1000, ({ block }) => unread.push(block.position))
  const first = cache.reserve(1, 1, [blockOf(0, 400)], true)!
  const second = cache.reserve(1, 1, [blockOf(400, 400)], false)!
  loaded(second)
  const third = cache.reserve(1, 1, [blockOf(800, 400)], true)!
  expect(third[0]!.address).toBe(400)
  expect([cache.find(1, 0), cache.find(1, 400)]).toEqual([first[0], undefined])
  expect(unread).toEqual([400])
  expect(cache.reserve(1, 1, [blockOf(1200, 400)], true)).toBeUndefined()
  loaded(first)
  expect(cache.reserve(1, 1, [blockOf(1200, 400)], true)?.map(({ address }) => address)).toEqual([0])
})

test('block cache: what could not be loaded is not found, and its room is used again', () => {
  const cache = new BlockCache(0, 1000, () => {})
  const failed = cache.reserve(1, 1, [blockOf(0, 900)], true)!
  cache.drop(failed)
  loaded(failed)
  expect(cache.find(1, 0)).toBeUndefined()
  expect(cache.reserve(1, 1, [blockOf(0, 900)], true)?.map(({ address }) => address)).toEqual([0])
})

test.each([1, 2, 3, 4, 5, 6, 7, 8])('block cache: no two blocks in use overlap, for random requests (seed %i)', (seed) => {
  let state = seed
  const random = (below: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    return (state >>> 8) % below
  }
  const cache = new BlockCache(0, 5000, () => {})
  const held: CachedBlock[][] = []
  let position = 0
  let rejected = 0
  for (let step = 0; step < 5000; step++) {
    if (held.length > 0 && random(3) === 0) loaded(held.splice(random(held.length), 1)[0]!)
    const blocks = Array.from({ length: 1 + random(3) }, () => {
      const block = blockOf(position, 1 + random(500))
      // Every other step has gaps.
      position += block.bytes + (step % 2) * random(60)
      return block
    })
    const reserved = cache.reserve(1, 1, blocks, true)
    if (reserved === undefined) {
      rejected++
      expect(held.length, 'an empty cache has room').toBeGreaterThan(0)
      loaded(held.splice(random(held.length), 1)[0]!)
      continue
    }
    held.push(reserved)
    const runs = held.map((run) => ({ start: run[0]!.address, end: run[0]!.address + spanOf(run.map(({ block }) => block)), run }))
    runs.sort((a, b) => a.start - b.start)
    const overlapping = runs.filter(({ end }, i) => end > (runs[i + 1]?.start ?? 5000))
    const lost = held.flat().filter((each) => cache.find(1, each.block.position) !== each)
    if (overlapping.length + lost.length > 0) expect({ step, overlapping, lost }).toEqual({ step, overlapping: [], lost: [] })
  }
  expect(rejected).toBeGreaterThan(0)
})
