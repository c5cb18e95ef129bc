import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createSegment } from '../../../native-free-io/disk/segment-files.ts'
import { sparesIn } from '../../../native-free-io/disk/spare-segments.ts'
import { nodeTime } from '../../../native-free-io/process/node-time.ts'
import { FileStore } from '../../../native-free-io/store/file-store.ts'
import { createBlockMemory } from '../../../native-free-io/threads/block-memory.ts'
import { ObjectWorkers } from '../../../native-free-io/threads/object-workers.ts'
import type { PipelineLane } from '../../../native-free-io/threads/pipeline-lane.ts'
import { StoreFailed } from '../../../src/object-store/store-faults.ts'
import { ObjectKeys } from '../../../src/objects/object-key.ts'
import { ObjectMap } from '../../../src/objects/object-map.ts'
import { Lanes } from '../../../src/ports/lanes.ts'
import type { FullSegment } from '../../../src/ports/segment-rows.ts'
import type { ObjectContents } from '../../../src/ports/stored-objects.ts'
import { ObjectReader } from '../../../src/storage/object-reader.ts'
import { segmentFolder, segmentName } from '../../../src/wal/segments.ts'
import { root } from '../../support/root.ts'
import { batchOf, type SegmentBatch, segmentOf } from '../../support/segment.ts'

const keys = new ObjectKeys({ clusterId: 'c'.repeat(22), foundingId: 'f', firstObjectId: 1 })
const worker = join(root, 'dist', 'workers', 'object.js')
const blocks = createBlockMemory(16 << 20)
/** No job of these tests reads the WAL. */
let lane: PipelineLane
const partitionIds = [1, 2, 3, 4, 5]
/** Partition 1 has small batches only, partition 5 has runs of batches, and the others are far from each other. */
const batches: SegmentBatch[] = []
let folder = ''
let jobs: ObjectWorkers

const of = (partitionId: number): Buffer =>
  Buffer.concat(batches.filter((each) => each.partitionId === partitionId).map(({ batch }) => batch))

const pathOf = ({ start }: FullSegment): string => join(segmentFolder(lane.wal.path!), segmentName(start))

function segmentFile(start: number): FullSegment {
  const { data, rows } = segmentOf(batches)
  const segment = { start, bytes: Math.ceil(data.length / 4096) * 4096, rows }
  writeFileSync(pathOf(segment), data)
  return segment
}

beforeAll(async () => {
  for (let index = 0; index < 400; index++) {
    const partitionId = index % 10 > 4 ? 5 : partitionIds[index % 5]!
    const offset = batches.filter((each) => each.partitionId === partitionId).length
    batches.push(batchOf(partitionId, offset, partitionId === 1 ? 40 : 9000))
  }
  folder = mkdtempSync(join(tmpdir(), 'promoted-'))
  lane = { index: 0, log: undefined, wal: { path: join(folder, 'lane-0.wal') } } as PipelineLane
  mkdirSync(segmentFolder(lane.wal.path!))
  const location = { scheme: 'file', folder: join(folder, 'store') } as const
  await new FileStore(location).put(keys.marker, [Buffer.from('marker')])
  jobs = new ObjectWorkers({ worker, location, keys, budget: null, blocks: blocks.memory, lanes: new Lanes([lane]) })
})

afterAll(async () => {
  await jobs.close()
  rmSync(folder, { recursive: true })
})

function readerOf(objectId: number, contents: ObjectContents): ObjectReader {
  const objects = new ObjectMap(() => 0)
  objects.add({ objectId, ...contents })
  return new ObjectReader({ objects, jobs, memory: blocks, time: nodeTime, counters: { add() {} } })
}

async function allOf(reader: ObjectReader, partitionId: number): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for (let offset = 0; ; ) {
    const found = await reader.read(partitionId, offset, 100_000)
    if (found === undefined) return Buffer.concat(pieces)
    pieces.push(found.bytes)
    offset = found.end
  }
}

test('promoted segments: every partition is read through the object workers, with its bytes', async () => {
  const segment = segmentFile(1)
  const contents = (await jobs.promote(0, 10, segment)) as ObjectContents
  expect(contents.parts.map(({ partitionId }) => partitionId)).toEqual(partitionIds)
  expect(statSync(pathOf(segment))).toMatchObject({ nlink: 2, size: contents.bytes })
  const reader = readerOf(10, contents)
  const found = await Promise.all(partitionIds.map((partitionId) => allOf(reader, partitionId)))
  for (const [index, partitionId] of partitionIds.entries()) expect(Buffer.compare(found[index]!, of(partitionId))).toBe(0)
})

test('promoted segments: the compaction of two segments is a sorted object with the same bytes', async () => {
  const contents = (await jobs.promote(0, 20, segmentFile(2))) as ObjectContents
  const sources = contents.parts.map((part) => ({ ...part, objectId: 20, objectBytes: contents.bytes, from: 0 }))
  const rewritten = await jobs.rewrite(21, sources)
  expect(rewritten.parts).toEqual(contents.parts)
  expect(rewritten.bytes).toBeLessThan(contents.bytes)
  const reader = readerOf(21, rewritten)
  for (const partitionId of partitionIds) expect(Buffer.compare(await allOf(reader, partitionId), of(partitionId))).toBe(0)
})

test('promoted segments: a file that is another object is declined, and so is every file for a store without files', async () => {
  const segment = segmentFile(3)
  await jobs.promote(0, 30, segment)
  expect(await jobs.promote(0, 31, { ...segment, rows: segment.rows.slice(0, 60) })).toBe('declined')
  const location = { scheme: 'mem', name: 'promoted' } as const
  const elsewhere = new ObjectWorkers({ worker, location, keys, budget: null, blocks: blocks.memory, lanes: new Lanes([lane]) })
  expect(await elsewhere.promote(0, 32, segment)).toBe('declined')
  await elsewhere.close()
})

test('promoted segments: a fault of the store rejects the promotion', async () => {
  const segment = segmentFile(4)
  rmSync(pathOf(segment))
  await expect(jobs.promote(0, 40, segment)).rejects.toThrow(StoreFailed)
})

test('promoted segments: a removed object becomes a spare segment, up to half of the log, and then a segment of the log', async () => {
  const { wal } = lane
  const segment = segmentFile(50)
  Object.assign(wal, { state: { capacity: 2 * segment.bytes, segments: { bytes: segment.bytes, from: 0 } } })
  const others = [segmentFile(51), segmentFile(52)]
  await jobs.promote(0, 50, segment)
  for (const [index, other] of others.entries()) await jobs.promote(0, 51 + index, other)
  // It has two names: the log still needs it.
  await jobs.remove([50])
  expect(sparesIn(segmentFolder(wal.path!))).toEqual([])
  for (const each of others) rmSync(pathOf(each))
  await jobs.remove([51, 52])
  const spares = sparesIn(segmentFolder(wal.path!))
  expect(spares).toHaveLength(1)
  expect(statSync(spares[0]!)).toMatchObject({ nlink: 1, size: segment.bytes })
  expect((await jobs.list(keys.prefix, undefined)).objects.map(({ key }) => key)).not.toContain(keys.key(52))
  await createSegment(segmentFolder(wal.path!), 60, segment.bytes)
  expect(sparesIn(segmentFolder(wal.path!))).toEqual([])
  expect(statSync(pathOf({ ...segment, start: 60 }))).toMatchObject({ nlink: 1, size: segment.bytes })
})
