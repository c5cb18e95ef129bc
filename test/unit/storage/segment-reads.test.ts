import { expect, test } from 'vitest'
import { nodeTime } from '../../../native-free-io/process/node-time.ts'
import { MemStore } from '../../../native-free-io/store/mem-store.ts'
import { createArena, openArena } from '../../../native-free-io/threads/arena.ts'
import { prng } from '../../../src/base/prng.ts'
import { StoreFailed } from '../../../src/object-store/store-faults.ts'
import { gapBytesMax, runBytesMax } from '../../../src/objects/block-runs.ts'
import { ObjectKeys } from '../../../src/objects/object-key.ts'
import { ObjectMap } from '../../../src/objects/object-map.ts'
import { encodeSegmentIndex } from '../../../src/objects/segment-index.ts'
import { Lanes } from '../../../src/ports/lanes.ts'
import type { BlockRun } from '../../../src/ports/object-jobs.ts'
import type { StoreFault } from '../../../src/ports/object-store.ts'
import { type LeasedRecords, ObjectReader } from '../../../src/storage/object-reader.ts'
import { LaneModel, WalDisk } from '../../sim/storage/lane-model.ts'
import { SimulatedJobs } from '../../sim/storage/simulated-jobs.ts'
import { VirtualTime } from '../../sim/storage/virtual-time.ts'
import { batchOf, type SegmentBatch, segmentOf } from '../../support/segment.ts'

const objectId = 9
const keys = new ObjectKeys({ clusterId: 'c', foundingId: 'f', firstObjectId: 1 })
let stores = 0

/** A store in memory that records the ranges of all reads, except those of the index. */
class RecordedStore extends MemStore {
  readonly gets: [number, number][] = []

  override async get(key: string, start: number, end: number, into?: Uint8Array): Promise<Uint8Array | StoreFault> {
    if (end !== (await this.size(key))) this.gets.push([start, end])
    return super.get(key, start, end, into)
  }
}

/** A reader of one segment with these batches, the reads of the store, and the jobs. */
async function readerOf(batches: readonly SegmentBatch[], gap: (index: number) => number, cacheBytes = 16 << 20) {
  const memory = { ...openArena(createArena(Math.ceil(cacheBytes / 65536))), base: 0, size: cacheBytes, copies: { base: 0, size: 0 } }
  const { data, rows } = segmentOf(batches, gap)
  const { index, parts } = encodeSegmentIndex({ rows, bytes: data.length }, 0)
  const store = new RecordedStore({ scheme: 'mem', name: `segment-reads-${++stores}` })
  await store.put(keys.key(objectId), [data, index])
  const objects = new ObjectMap(() => 0)
  objects.add({ objectId, bytes: data.length + index.length, parts })
  const time = new VirtualTime()
  const incarnation = { isAlive: true }
  const lane = new LaneModel(new WalDisk(1 << 20), time, prng(1), {
    ...{ index: 0, incarnation, start: 1 },
    ...{ onAppended() {}, onTrim() {}, onReply: () => undefined },
  })
  const lanes = new Lanes([lane])
  const simulated = new SimulatedJobs({ store, keys, lanes, memory, time, incarnation, mapBytesMax: 0, onClean() {}, onCleaned() {} })
  const loads: { runs: readonly BlockRun[]; urgent: boolean }[] = []
  const jobs = {
    readTail: (id: number, bytes: number) => simulated.readTail(id, bytes),
    loadBlocks: (id: number, runs: readonly BlockRun[], urgent: boolean) => {
      loads.push({ runs, urgent })
      return simulated.loadBlocks(id, runs)
    },
  }
  const reader = new ObjectReader({ objects, jobs, memory, time: nodeTime, counters: { add() {} } })
  return { reader, store, loads, data, positions: rowsByPartition(rows) }
}

function rowsByPartition(rows: Float64Array): Map<number, { position: number; bytes: number }[]> {
  const found = new Map<number, { position: number; bytes: number }[]>()
  for (let at = 0; at < rows.length; at += 6) {
    found.set(rows[at]!, [...(found.get(rows[at]!) ?? []), { position: rows[at + 3]!, bytes: rows[at + 4]! }])
  }
  return found
}

const of = (batches: readonly SegmentBatch[], partitionId: number): Buffer =>
  Buffer.concat(batches.filter((each) => each.partitionId === partitionId).map(({ batch }) => batch))

const same = (found: Uint8Array | undefined, expected: Buffer): boolean => found !== undefined && Buffer.compare(found, expected) === 0

test('segment reads: batches with small gaps are one request and one range', async () => {
  const batches = Array.from({ length: 20 }, (_, offset) => batchOf(3, offset, 2000))
  const { reader, store, positions } = await readerOf(batches, (index) => (index % 3 === 0 ? gapBytesMax : 56))
  const leased = (await reader.lease(3, 0, 1 << 20, true)) as LeasedRecords
  expect(leased.ranges).toHaveLength(1)
  expect(leased.end).toBe(20)
  expect(same(reader.copied(leased), of(batches, 3))).toBe(true)
  const of3 = positions.get(3)!
  expect(store.gets).toEqual([[of3[0]!.position, of3[19]!.position + of3[19]!.bytes]])
  const later = await reader.read(3, 7, 1)
  expect(later!.end).toBe(8)
  expect(same(later!.bytes, batches[7]!.batch)).toBe(true)
  expect(store.gets).toHaveLength(1)
})

test('segment reads: batches with other partitions between them are requests of one job, and each partition reads its own', async () => {
  const batches = Array.from({ length: 40 }, (_, index) => batchOf(index % 4, Math.floor(index / 4), 5000))
  const { reader, store, loads } = await readerOf(batches, () => 56)
  for (const partitionId of [2, 0, 3, 1]) {
    store.gets.length = 0
    loads.length = 0
    const found = await reader.read(partitionId, 0, 1 << 20)
    expect(found!.end).toBe(10)
    expect(same(found!.bytes, of(batches, partitionId))).toBe(true)
    expect(store.gets).toHaveLength(10)
    expect(loads).toHaveLength(1)
  }
})

test('segment reads: a cached batch between others is not read again', async () => {
  const batches = Array.from({ length: 10 }, (_, offset) => batchOf(3, offset, 2000))
  const { reader, store, positions } = await readerOf(batches, () => 56)
  await reader.read(3, 4, 1)
  const found = await reader.read(3, 0, 1 << 20)
  expect(same(found!.bytes, of(batches, 3))).toBe(true)
  const of3 = positions.get(3)!
  const [before, after] = [of3[3]!, of3[5]!]
  expect(store.gets).toEqual([
    [of3[4]!.position, of3[4]!.position + of3[4]!.bytes],
    [of3[0]!.position, before.position + before.bytes],
    [after.position, of3[9]!.position + of3[9]!.bytes],
  ])
})

test('segment reads: one read sends a limited number of requests, and returns what it has', async () => {
  const batches = Array.from({ length: 300 }, (_, offset) => batchOf(3, offset))
  const { reader, store, loads } = await readerOf(batches, () => gapBytesMax + 1)
  const found = await reader.read(3, 0, 1 << 20)
  expect(found!.end).toBe(256)
  expect(same(found!.bytes, of(batches.slice(0, 256), 3))).toBe(true)
  expect(store.gets).toHaveLength(256)
  expect(loads).toHaveLength(1)
})

test('segment reads: the gaps that a read loads count, up to the limit of one request', async () => {
  const batches = Array.from({ length: 2000 }, (_, offset) => batchOf(3, offset, 100))
  const { reader, store } = await readerOf(batches, () => 4000)
  const found = await reader.read(3, 0, 1 << 20)
  const span = store.gets.reduce((sum, [start, end]) => sum + end - start, 0)
  expect(span).toBeGreaterThan(runBytesMax - 2 * 4200)
  expect(span).toBeLessThan(runBytesMax + 2 * 4200)
  expect(same(found!.bytes, of(batches.slice(0, found!.end), 3))).toBe(true)
})

test('segment reads: leased batches occupy the cache with their gaps until they are released', async () => {
  const size = 64 << 10
  const batches = Array.from({ length: 40 }, (_, offset) => batchOf(3, offset, 10))
  const { reader } = await readerOf(batches, () => 4000, size)
  const leases: LeasedRecords[] = []
  let offset = 0
  for (;;) {
    const leased = await reader.lease(3, offset, 1 << 20, false)
    if (leased === 'outOfMemory') break
    leases.push(leased!)
    offset = leased!.end
  }
  // The cache has room for all batches, but not for more than 16 of their gaps.
  expect(offset).toBeGreaterThanOrEqual(10)
  expect(offset).toBeLessThanOrEqual(20)
  for (const leased of leases) leased.release()
  expect((await reader.lease(3, offset, 1 << 20, false)) as LeasedRecords).toMatchObject({ end: offset + 5 })
})

test('segment reads: read-ahead loads the next batches without a read that waits for them', async () => {
  const batches = Array.from({ length: 100 }, (_, offset) => batchOf(3, offset, 4000))
  const { reader, store, loads } = await readerOf(batches, () => 56)
  const before = await reader.read(3, 0, 10_000)
  const first = await reader.read(3, before!.end, 10_000)
  await new Promise(setImmediate)
  expect(loads.at(-1)!.urgent).toBe(false)
  const requests = store.gets.length
  const found = await reader.read(3, first!.end, 1 << 20)
  expect(same(found!.bytes, of(batches.slice(first!.end), 3))).toBe(true)
  expect(store.gets).toHaveLength(requests)
})

test('segment reads: a damaged batch fails the read, and a later read of the batches beside it succeeds', async () => {
  const batches = Array.from({ length: 6 }, (_, index) => batchOf(index % 2, Math.floor(index / 2), 9000))
  const { reader, store, data, positions } = await readerOf(batches, () => 56)
  const { position } = positions.get(1)![1]!
  data[position + 100]! ^= 1
  const whole = (await store.get(keys.key(objectId), 0, Number.POSITIVE_INFINITY)) as Uint8Array
  await store.put(keys.key(objectId), [data, whole.subarray(data.length)])
  await expect(reader.read(1, 0, 1 << 20)).rejects.toThrow(StoreFailed)
  expect((await reader.read(0, 0, 1 << 20))!.end).toBe(3)
  expect((await reader.read(1, 0, 1))!.end).toBe(1)
  expect((await reader.read(1, 2, 1 << 20))!.end).toBe(3)
})
