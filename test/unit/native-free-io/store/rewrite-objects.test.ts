import { expect, test } from 'vitest'
import { MemStore } from '../../../../native-free-io/store/mem-store.ts'
import { rewriteObjects } from '../../../../native-free-io/store/rewrite-objects.ts'
import type { RewriteTask } from '../../../../native-free-io/threads/object-tasks.ts'
import { isFault } from '../../../../src/object-store/store-faults.ts'
import { BlockPacker, packedBatch } from '../../../../src/objects/block-packer.ts'
import { blockBytesMax, encodeIndex, type PartitionBlocks, partOf } from '../../../../src/objects/object-format.ts'
import { blocksIn, indexOf, readWhole } from '../../../../src/objects/object-reads.ts'
import { encodeSegmentIndex } from '../../../../src/objects/segment-index.ts'
import type { DataBlock, ObjectContents, ObjectPart } from '../../../../src/ports/stored-objects.ts'
import { batchOf, type SegmentBatch, segmentOf } from '../../../support/segment.ts'

const storedMs = 5_000_000
let stores = 0
const newStore = (): MemStore => new MemStore({ scheme: 'mem', name: `rewrite ${++stores}` })

/** Stores an object of format 3. */
async function putSegment(store: MemStore, key: string, batches: readonly SegmentBatch[], gap?: (index: number) => number) {
  const { data, rows } = segmentOf(batches, gap)
  const { index, parts } = encodeSegmentIndex({ rows, bytes: data.length }, storedMs)
  await store.put(key, [data, index])
  return { key, objectBytes: data.length + index.length, parts }
}

/** Stores an object of format 2. */
async function putSorted(store: MemStore, key: string, batches: readonly SegmentBatch[]) {
  const pieces: Uint8Array[] = []
  const partitions: PartitionBlocks[] = []
  for (const partitionId of [...new Set(batches.map((each) => each.partitionId))].sort((a, b) => a - b)) {
    const packer = new BlockPacker(pieces.reduce((sum, { length }) => sum + length, 0))
    for (const { batch } of batches.filter((each) => each.partitionId === partitionId)) pieces.push(...packer.add(packedBatch(batch)))
    pieces.push(...packer.finish())
    const { blocks } = packer
    partitions.push({ partitionId, start: blocks[0]!.baseOffset, end: blocks.at(-1)!.end, blocks })
  }
  const bytes = pieces.reduce((sum, { length }) => sum + length, 0)
  const index = encodeIndex(partitions, bytes)
  await store.put(key, [...pieces, index])
  return { key, objectBytes: bytes + index.length, parts: partitions.map((each) => partOf(each, storedMs)) }
}

type Put = Awaited<ReturnType<typeof putSorted>> | { key: string; objectBytes: number; parts: readonly ObjectPart[] }

const sourcesOf = (puts: readonly Put[], from = 0): RewriteTask['sources'] =>
  puts
    .flatMap(({ key, objectBytes, parts }) => parts.map((part) => ({ ...part, key, objectBytes, objectId: 0, from })))
    .sort((a, b) => a.partitionId - b.partitionId || a.start - b.start)

/** The blocks of a partition in a new object, and their bytes. */
async function blocksOf(store: MemStore, key: string, { bytes }: ObjectContents, partitionId: number) {
  const index = await indexOf(store, key, bytes)
  if (isFault(index)) throw new Error(index.detail)
  const blocks = [...index.from(partitionId, 0)]
  const pieces: Uint8Array[] = []
  for (const block of blocks) {
    const found = await readWhole(store, key, [block])
    if (isFault(found)) throw new Error(found.detail)
    for (const [, piece] of blocksIn(found, [block])) pieces.push(piece)
  }
  return { blocks, bytes: Buffer.concat(pieces) }
}

const of = (batches: readonly SegmentBatch[], partitionId: number): Buffer =>
  Buffer.concat(batches.filter((each) => each.partitionId === partitionId).map(({ batch }) => batch))

/** Blocks of one partition are contiguous, in the order of their offsets, and have checksums. */
function expectSorted(blocks: readonly DataBlock[]): void {
  for (const [index, block] of blocks.entries()) {
    const before = blocks[index - 1]
    if (before !== undefined) expect([block.position, block.baseOffset]).toEqual([before.position + before.bytes, before.end])
    expect(block.crc).not.toBeNull()
  }
}

test('rewrite: the batches of a segment are packed into blocks, and their bytes do not change', async () => {
  const store = newStore()
  const batches = Array.from({ length: 120 }, (_, index) => batchOf(index % 3, Math.floor(index / 3), 20_000))
  const source = await putSegment(store, 's', batches, (index) => (index % 7 === 0 ? 4000 : 56))
  const done = (await rewriteObjects(store, { key: 'new', sources: sourcesOf([source]) }, storedMs)) as ObjectContents
  expect(done.parts).toEqual(source.parts)
  expect(await store.size('new')).toBe(done.bytes)
  for (const partitionId of [0, 1, 2]) {
    const { blocks, bytes } = await blocksOf(store, 'new', done, partitionId)
    expect(Buffer.compare(bytes, of(batches, partitionId))).toBe(0)
    expectSorted(blocks)
    expect(blocks.map((block) => block.bytes).every((size) => size <= blockBytesMax)).toBe(true)
    expect(blocks).toHaveLength(Math.ceil(40 / Math.floor(blockBytesMax / batches[0]!.batch.length)))
    expect(blocks.at(-1)!.maxTimestamp).toBe(1000 + 39)
  }
})

test('rewrite: segments and sorted objects of one partition become one part, in the order of their offsets', async () => {
  const store = newStore()
  const offsets = (start: number, end: number, partitionId: number) =>
    Array.from({ length: end - start }, (_, index) => batchOf(partitionId, start + index, 30_000))
  const batches = [offsets(0, 9, 1), offsets(9, 18, 1), offsets(18, 30, 1), offsets(30, 33, 1), offsets(33, 40, 1)]
  const other = offsets(0, 3, 2)
  const puts = [
    await putSegment(store, 's1', batches[0]!),
    await putSegment(store, 's2', [...batches[1]!, ...other]),
    await putSorted(store, 's3', batches[2]!),
    await putSegment(store, 's4', batches[3]!),
    await putSorted(store, 's5', [...batches[4]!, ...offsets(3, 5, 2)]),
  ]
  const done = (await rewriteObjects(store, { key: 'new', sources: sourcesOf(puts) }, storedMs)) as ObjectContents
  expect(done.parts.map(({ partitionId, start, end }) => [partitionId, start, end])).toEqual([
    [1, 0, 40],
    [2, 0, 5],
  ])
  const first = await blocksOf(store, 'new', done, 1)
  expect(Buffer.compare(first.bytes, Buffer.concat(batches.flat().map(({ batch }) => batch)))).toBe(0)
  expectSorted(first.blocks)
  // The blocks of two adjacent segments are packed together; those of a sorted object stay as they are.
  const sorted = await blocksOf(store, 's3', { bytes: puts[2]!.objectBytes, parts: [] }, 1)
  const copied = first.blocks.filter(({ baseOffset }) => baseOffset >= 18 && baseOffset < 30)
  expect(copied.map(({ position: _, ...rest }) => rest)).toEqual(sorted.blocks.map(({ position: _, ...rest }) => rest))
  expect(first.blocks.filter(({ baseOffset }) => baseOffset < 18).map(({ baseOffset }) => baseOffset)).toEqual([0, 8, 16])
  const second = await blocksOf(store, 'new', done, 2)
  expect(Buffer.compare(second.bytes, Buffer.concat([...other, ...offsets(3, 5, 2)].map(({ batch }) => batch)))).toBe(0)
})

test('rewrite: batches below the log start are left out', async () => {
  const store = newStore()
  const batches = Array.from({ length: 10 }, (_, offset) => batchOf(1, offset, 100))
  const source = await putSegment(store, 's', batches)
  const done = (await rewriteObjects(store, { key: 'new', sources: sourcesOf([source], 7) }, storedMs)) as ObjectContents
  const { bytes } = await blocksOf(store, 'new', done, 1)
  expect(Buffer.compare(bytes, of(batches.slice(7), 1))).toBe(0)
  expect(done.parts).toEqual([{ partitionId: 1, start: 0, end: 10, bytes: bytes.length, maxTimestamp: 1009 }])
})

test('rewrite: a damaged batch is a fault, and no object is stored', async () => {
  const store = newStore()
  const batches = Array.from({ length: 10 }, (_, offset) => batchOf(1, offset, 100))
  const source = await putSegment(store, 's', batches)
  const bytes = (await store.get('s', 0, Number.POSITIVE_INFINITY)) as Uint8Array
  bytes[600]! ^= 1
  await store.put('s', [bytes])
  expect(await rewriteObjects(store, { key: 'new', sources: sourcesOf([source]) }, storedMs)).toMatchObject({ fault: 'corrupt', key: 's' })
  expect(await store.size('new')).toMatchObject({ fault: 'missing' })
})
