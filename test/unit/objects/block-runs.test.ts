import { expect, test } from 'vitest'
import { gapBytesMax, runBytesMax, runsOf, spanOf, takeBlocks } from '../../../src/objects/block-runs.ts'
import type { DataBlock } from '../../../src/ports/stored-objects.ts'

const blockAt = (position: number, bytes: number): DataBlock => ({
  ...{ baseOffset: position, end: position + 1, position, bytes },
  crc: null,
  maxTimestamp: 0,
})

const positions = (runs: Iterable<readonly DataBlock[]>): number[][] => [...runs].map((run) => run.map(({ position }) => position))

test('block runs: a small gap is read with the blocks around it, a larger one ends the run', () => {
  const blocks = [blockAt(100, 50), blockAt(150 + gapBytesMax, 50), blockAt(201 + 2 * gapBytesMax, 50)]
  expect(positions(runsOf(blocks))).toEqual([[100, 150 + gapBytesMax], [201 + 2 * gapBytesMax]])
  expect(spanOf(blocks.slice(0, 2))).toBe(100 + gapBytesMax)
})

test('block runs: a block in front of the one before starts a run', () => {
  expect(positions(runsOf([blockAt(100, 50), blockAt(50, 50), blockAt(100, 50)]))).toEqual([[100], [50, 100]])
})

test('block runs: the span of a run has a limit that includes its gaps; a larger block is a run of its own', () => {
  const half = runBytesMax / 2
  const gapped = (gap: number) => [blockAt(0, half), blockAt(half + gap, half)]
  expect(positions(runsOf(gapped(0)))).toEqual([[0, half]])
  expect(positions(runsOf(gapped(1)))).toEqual([[0], [half + 1]])
  const large = runBytesMax * 3
  expect(positions(runsOf([blockAt(0, large), blockAt(large, 10), blockAt(large + 10, 10)]))).toEqual([[0], [large, large + 10]])
  expect([...runsOf([])]).toEqual([])
})

test('block runs: blocks are taken up to a limit of their bytes, or of their bytes with small gaps', () => {
  const blocks = Array.from({ length: 10 }, (_, index) => blockAt(index * 400, 100))
  expect(takeBlocks(blocks, 300, 10_000)).toHaveLength(3)
  expect(takeBlocks(blocks, 301, 10_000)).toHaveLength(4)
  expect(takeBlocks(blocks, 10_000, 900)).toHaveLength(3)
  expect(takeBlocks(blocks, 10_000, 901)).toHaveLength(4)
  expect(takeBlocks(blocks, 0, 0)).toHaveLength(1)
  const apart = blocks.map((block, index) => ({ ...block, position: index * (gapBytesMax + 101) }))
  expect(takeBlocks(apart, 10_000, 900)).toHaveLength(9)
})
