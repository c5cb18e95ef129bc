import { existsSync, linkSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { counted } from '../../../../native-free-io/store/counted.ts'
import { FileStore } from '../../../../native-free-io/store/file-store.ts'
import { MemStore } from '../../../../native-free-io/store/mem-store.ts'
import { promoteSegment } from '../../../../native-free-io/store/promote-segment.ts'
import type { PromoteTask } from '../../../../native-free-io/threads/object-tasks.ts'
import { isFault } from '../../../../src/object-store/store-faults.ts'
import { blocksIn, indexOf, readWhole } from '../../../../src/objects/object-reads.ts'
import { encodeSegmentIndex } from '../../../../src/objects/segment-index.ts'
import type { FullSegment } from '../../../../src/ports/segment-rows.ts'
import type { ObjectContents } from '../../../../src/ports/stored-objects.ts'
import { batchOf, segmentOf } from '../../../support/segment.ts'

const nowMs = 5_000_000
const key = 'cluster/objects/17'
const marker = 'cluster/node.properties'
const segmentBytes = 256 << 10
const batches = Array.from({ length: 30 }, (_, index) => batchOf(index % 3, Math.floor(index / 3), 4000))
const { data, rows } = segmentOf(batches)

let folder = ''
let path = ''
let store: FileStore
const objectPath = (of = key): string => join(folder, 'store', ...of.split('/'))
const openFiles = (): string[] => readdirSync('/proc/self/fd')

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'promote-'))
  path = join(folder, 'segment-3')
  writeFileSync(path, data)
  truncateSync(path, segmentBytes)
  store = new FileStore({ scheme: 'file', folder: join(folder, 'store') })
  await store.put(marker, [Buffer.from('marker')])
})
afterEach(() => rmSync(folder, { recursive: true }))

const task = (change: Partial<FullSegment> & { readonly path?: string } = {}, of = key): PromoteTask => ({
  path: change.path ?? path,
  segment: { start: 0, bytes: segmentBytes, rows, ...change },
  key: of,
  marker,
})

/** Reads every batch of the object through the store. */
async function batchesOf({ bytes, parts }: ObjectContents, of = key): Promise<Map<number, Buffer>> {
  const index = await indexOf(store, of, bytes)
  if (isFault(index)) throw new Error(index.detail)
  const found = new Map<number, Buffer>()
  for (const { partitionId } of parts) {
    const pieces: Uint8Array[] = []
    for (const block of index.from(partitionId, 0)) {
      const whole = await readWhole(store, of, [block])
      if (isFault(whole)) throw new Error(whole.detail)
      for (const [, piece] of blocksIn(whole, [block])) pieces.push(piece)
    }
    found.set(partitionId, Buffer.concat(pieces))
  }
  return found
}

const expected = (partitionIds: readonly number[]): Map<number, Buffer> =>
  new Map(partitionIds.map((id) => [id, Buffer.concat(batches.filter((each) => each.partitionId === id).map(({ batch }) => batch))]))

test('promotion: the file of a segment is the object, with an index after it', async () => {
  const before = openFiles().length
  const { ino } = statSync(path)
  const { index, parts } = encodeSegmentIndex({ rows, bytes: segmentBytes }, nowMs)
  const done = (await promoteSegment(store, task(), nowMs)) as ObjectContents
  expect(done).toEqual({ bytes: segmentBytes + index.length, parts })
  expect(await store.size(key)).toBe(done.bytes)
  expect(statSync(objectPath()).ino).toBe(ino)
  expect(statSync(path).nlink).toBe(2)
  expect(await batchesOf(done)).toEqual(expected([0, 1, 2]))
  expect(openFiles()).toHaveLength(before)
  // The object stays when the WAL removes its name of the file, and the other way round.
  rmSync(path)
  expect(await batchesOf(done)).toEqual(expected([0, 1, 2]))
  expect(await store.remove([key])).toBeUndefined()
  expect(existsSync(objectPath())).toBe(false)
})

test('promotion: a file that ends before its segment is extended, and one with a longer index is cut', async () => {
  truncateSync(path, data.length)
  const short = (await promoteSegment(store, task(), nowMs)) as ObjectContents
  expect(statSync(path).size).toBe(short.bytes)
  rmSync(objectPath())
  // Without the rows of one partition, the index is shorter.
  const fewer = rows.subarray(0, (rows.length / 3) * 2)
  const done = (await promoteSegment(store, task({ rows: fewer }), nowMs)) as ObjectContents
  expect(done.bytes).toBeLessThan(short.bytes)
  expect(statSync(path).size).toBe(done.bytes)
  expect(await batchesOf(done)).toEqual(expected([0, 1]))
})

test('promotion: a second attempt with the same key or another one succeeds, and does not write', async () => {
  const done = (await promoteSegment(store, task(), nowMs)) as ObjectContents
  const { mtimeNs } = statSync(path, { bigint: true })
  expect(await promoteSegment(store, task(), nowMs)).toEqual(done)
  const other = 'cluster/objects/18'
  expect(await promoteSegment(store, task({}, other), nowMs)).toEqual(done)
  expect(await batchesOf(done, other)).toEqual(expected([0, 1, 2]))
  expect(statSync(path, { bigint: true })).toMatchObject({ mtimeNs, nlink: 3n })
})

test('promotion: a file that is another object already is declined, and does not change', async () => {
  const done = (await promoteSegment(store, task(), nowMs)) as ObjectContents
  const before = readFileSync(path)
  const other = task({ rows: rows.subarray(0, (rows.length / 3) * 2) }, 'cluster/objects/18')
  expect(await promoteSegment(store, other, nowMs)).toBe('declined')
  const shorter = task({ bytes: segmentBytes - 4096 }, 'cluster/objects/18')
  expect(await promoteSegment(store, shorter, nowMs)).toBe('declined')
  expect(Buffer.compare(readFileSync(path), before)).toBe(0)
  expect(await batchesOf(done)).toEqual(expected([0, 1, 2]))
  expect(existsSync(objectPath('cluster/objects/18'))).toBe(false)
})

test('promotion: a second name of a file without an index is declined', async () => {
  linkSync(path, join(folder, 'second'))
  expect(await promoteSegment(store, task(), nowMs)).toBe('declined')
  expect(statSync(path).size).toBe(segmentBytes)
})

test('promotion: an object of another file under the key is a fault', async () => {
  await store.put(key, [Buffer.from('another')])
  expect(await promoteSegment(store, task(), nowMs)).toMatchObject({ fault: 'exists', operation: 'put', key })
  expect(readFileSync(objectPath(), 'utf8')).toBe('another')
})

test('promotion: without the marker of the store nothing is written', async () => {
  rmSync(join(folder, 'store'), { recursive: true })
  expect(await promoteSegment(store, task(), nowMs)).toMatchObject({ fault: 'unavailable', detail: expect.stringContaining('not mounted') })
  expect(statSync(path).size).toBe(segmentBytes)
  expect(existsSync(dirname(objectPath()))).toBe(false)
})

test('promotion: a missing file of the segment is a fault', async () => {
  rmSync(path)
  expect(await promoteSegment(store, task(), nowMs)).toMatchObject({ fault: 'missing', operation: 'put', key })
})

test('promotion: a store on another file system declines, and a store without files too', async () => {
  // The memory file system of Linux is never that of a folder on a disk.
  const shared = mkdtempSync('/dev/shm/promote-')
  try {
    const far = join(shared, 'segment-3')
    writeFileSync(far, data)
    const before = openFiles().length
    const declined = await promoteSegment(store, task({ path: far }), nowMs)
    expect(statSync(shared).dev === statSync(folder).dev ? 'declined' : declined).toBe('declined')
    expect(openFiles()).toHaveLength(before)
  } finally {
    rmSync(shared, { recursive: true })
  }
  expect(await promoteSegment(new MemStore({ scheme: 'mem', name: 'promote' }), task(), nowMs)).toBe('declined')
})

test('promotion: a store with counters counts a promotion as one PUT', async () => {
  const counts = new Map<string, number>()
  const meter = { add: (row: string, by: number) => void counts.set(row, (counts.get(row) ?? 0) + by) }
  const done = await promoteSegment(counted(store, meter), task(), nowMs)
  expect(done).toMatchObject({ bytes: statSync(path).size })
  expect(counts.get('put')).toBe(1)
  expect(counts.get('failed') ?? 0).toBe(0)
})
