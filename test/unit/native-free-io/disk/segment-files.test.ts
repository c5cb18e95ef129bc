import { existsSync, linkSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createSegment, removeSegments, SegmentFiles, segmentsIn } from '../../../../native-free-io/disk/segment-files.ts'
import { type WalBuffers, WalFile, type WalTarget } from '../../../../native-free-io/disk/wal-file.ts'
import { openWalPlace, wipe } from '../../../../native-free-io/disk/wal-place.ts'
import { segmentName } from '../../../../src/wal/segments.ts'
import { blockBytes } from '../../../../src/wal/wal-record.ts'
import { logStart } from '../../../../src/wal/wal-superblock.ts'
import { walBuffers } from '../../../support/wal-buffers.ts'

const mib = 1 << 20
const layout = { bytes: 2 * mib, from: 0 }
const capacity = 8 * mib
const identity = { clusterId: 'AAAAAAAAAAAAAAAAAAAAAQ', nodeId: 1, lane: 0, foundingId: 'AAAAAAAAAAAAAAAAAAAAAg' }
let folder: string
let path: string
let segments: string
let buffers: WalBuffers
/** Blocks of the arena for the tests. */
let at: number

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'segments-'))
  path = join(folder, 'lane.wal')
  segments = join(folder, 'lane.segments')
  ;({ buffers, at } = walBuffers())
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const fill = (byte: number, bytes: number): void => void buffers.bytes.fill(byte, at, at + bytes)
const target = (segmentBytes: number): WalTarget => ({
  path,
  device: null,
  identity,
  capacity,
  segmentBytes: () => segmentBytes,
  incarnation: 1,
  metadataRecords: 0,
})
const openLog = (segmentBytes = layout.bytes): WalFile => WalFile.open(target(segmentBytes), buffers, () => 7)
const write = (log: { write(address: number, bytes: number, position: number): boolean }, position: number, byte: number): void => {
  fill(byte, blockBytes)
  expect(log.write(at, blockBytes, position)).toBe(true)
}
function readByte(log: { read(address: number, bytes: number, position: number): void }, position: number): number {
  fill(0xee, blockBytes)
  log.read(at, blockBytes, position)
  const [first] = buffers.bytes.subarray(at, at + 1)
  expect(buffers.bytes.subarray(at, at + blockBytes).every((byte) => byte === first)).toBe(true)
  return first!
}
const contentOf = () => {
  const place = openWalPlace(path)
  place.release()
  return place.content
}

test('segment files: a write creates its segment with full size, and a missing segment is read as zeros', () => {
  const files = new SegmentFiles(folder, layout, 3, buffers)
  write(files, 4 * mib + blockBytes, 5)
  expect(readdirSync(folder)).toEqual([segmentName(4 * mib)])
  expect(statSync(join(folder, segmentName(4 * mib))).size).toBe(2 * mib)
  expect(readByte(files, 4 * mib + blockBytes)).toBe(5)
  expect(readByte(files, 4 * mib)).toBe(0)
  expect(readByte(files, 6 * mib)).toBe(0)
  write(files, 4 * mib + 2 * blockBytes, 6)
  expect(readByte(files, 4 * mib + blockBytes)).toBe(5)
  files.close()
})

test('segment files: a segment that was created ahead is used, and one that exists is not created again', async () => {
  await createSegment(folder, 2 * mib, layout.bytes)
  const files = new SegmentFiles(folder, layout, 3, buffers)
  write(files, 2 * mib, 8)
  files.close()
  await createSegment(folder, 2 * mib, layout.bytes)
  expect(readFileSync(join(folder, segmentName(2 * mib)))[0]).toBe(8)
})

test('segment files: a file that is an object is never written', () => {
  const name = join(folder, segmentName(0))
  writeFileSync(name, Buffer.alloc(layout.bytes, 1))
  linkSync(name, join(folder, 'object'))
  const files = new SegmentFiles(folder, layout, 3, buffers)
  write(files, 0, 2)
  files.close()
  expect(readFileSync(join(folder, 'object')).every((byte) => byte === 1)).toBe(true)
  expect(readFileSync(name)[0]).toBe(2)
})

test('segment files: three segments are prepared from the end of the log on, and nothing before it changes', () => {
  const files = new SegmentFiles(folder, layout, 3, buffers)
  write(files, 2 * mib + blockBytes, 5)
  const end = 2 * mib + 2 * blockBytes
  let steps = 0
  for (; files.prepare(end); steps++) expect(steps).toBeLessThan(20)
  expect(segmentsIn(folder)).toEqual([2, 4, 6].map((start) => start * mib))
  for (const start of [4, 6]) expect(statSync(join(folder, segmentName(start * mib))).blocks * 512).toBeGreaterThanOrEqual(layout.bytes)
  expect([blockBytes, 2 * blockBytes].map((offset) => readByte(files, 2 * mib + offset))).toEqual([5, 0])
  expect(files.prepare(end)).toBe(false)
  files.close()
  const again = new SegmentFiles(folder, layout, 3, buffers)
  write(again, end, 6)
  write(again, 4 * mib + blockBytes, 7)
  let repeated = 0
  while (again.prepare(end + blockBytes)) repeated++
  expect(repeated).toBeLessThan(steps)
  expect([end, 4 * mib + blockBytes].map((position) => readByte(again, position))).toEqual([6, 7])
  again.close()
})

test('segment files: a spare file becomes one segment, with its size and its blocks', async () => {
  const spare = join(folder, 'spare-1')
  writeFileSync(spare, Buffer.alloc(layout.bytes, 3))
  await createSegment(folder, 4 * mib, layout.bytes)
  await createSegment(folder, 6 * mib, layout.bytes)
  expect(readdirSync(folder)).toEqual([4, 6].map((start) => segmentName(start * mib)))
  const [used, sparse] = [4, 6].map((start) => statSync(join(folder, segmentName(start * mib))))
  expect([used!.nlink, used!.size, sparse!.size]).toEqual([1, layout.bytes, layout.bytes])
  expect(used!.blocks * 512).toBeGreaterThanOrEqual(layout.bytes)
  expect(sparse!.blocks * 512).toBeLessThan(layout.bytes)
  writeFileSync(spare, 'kept')
  await createSegment(folder, 4 * mib, layout.bytes)
  expect(readFileSync(spare, 'utf8')).toBe('kept')
})

test('segment files: a spare file that a crash left beside its segment is not written as that segment', async () => {
  const name = join(folder, segmentName(0))
  writeFileSync(name, Buffer.alloc(layout.bytes, 3))
  linkSync(name, join(folder, 'spare-0'))
  await createSegment(folder, 2 * mib, layout.bytes)
  const files = new SegmentFiles(folder, layout, 3, buffers)
  write(files, 0, 4)
  write(files, 2 * mib, 5)
  expect([readByte(files, 0), readByte(files, 2 * mib)]).toEqual([4, 5])
  files.close()
})

test('segment files: those that end at a position or before are removed', async () => {
  for (const start of [0, 2, 4]) await createSegment(folder, start * mib, layout.bytes)
  writeFileSync(join(folder, 'other'), '')
  await removeSegments(folder, layout.bytes, 4 * mib - 1)
  expect(segmentsIn(folder)).toEqual([2 * mib, 4 * mib])
  await removeSegments(folder, layout.bytes, 6 * mib)
  expect(readdirSync(folder)).toEqual(['other'])
})

test('WAL with segments: a new log has no circular part, and continues across a restart', () => {
  const log = openLog()
  expect(log.state.segments).toEqual({ bytes: 2 * mib, from: 0 })
  expect(statSync(path).size).toBe(logStart)
  write(log, 0, 1)
  write(log, 2 * mib, 2)
  expect(log.segment).toBe(2 * mib)
  log.close()
  const again = openLog(0)
  expect(again.state).toMatchObject({ incarnation: 2, segments: { bytes: 2 * mib, from: 0 } })
  expect([0, 2 * mib].map((position) => readByte(again, position))).toEqual([1, 2])
  again.close()
})

test('WAL with segments: a start removes the segments below the start of the log', () => {
  const log = openLog()
  for (const position of [0, 2, 4]) write(log, position * mib, 1)
  log.trim({ trimmed: 4 * mib, previous: 2 * mib, previousIncarnation: 1 })
  log.close()
  expect(segmentsIn(segments)).toEqual([0, 2 * mib, 4 * mib])
  openLog().close()
  expect(segmentsIn(segments)).toEqual([4 * mib])
})

test('WAL with segments: a circular log continues in its own file up to a position that it cannot have reached', () => {
  const old = openLog(0)
  expect(old.state.segments).toBeUndefined()
  write(old, 0, 1)
  old.trim({ trimmed: mib, previous: 0, previousIncarnation: 1 })
  old.close()
  const log = openLog()
  // The log may have been written up to 9 MiB.
  expect(log.state.segments).toEqual({ bytes: 2 * mib, from: 10 * mib })
  expect(readByte(log, 0)).toBe(1)
  write(log, 9 * mib, 3)
  expect(readByte(log, mib)).toBe(3)
  expect(segmentsIn(segments)).toEqual([])
  write(log, 10 * mib, 4)
  expect(segmentsIn(segments)).toEqual([10 * mib])
  expect([9 * mib, 10 * mib].map((position) => readByte(log, position))).toEqual([3, 4])
  log.trim({ trimmed: 10 * mib - blockBytes, previous: 9 * mib, previousIncarnation: 2 })
  expect(statSync(path).size).toBe(logStart + capacity)
  log.trim({ trimmed: 10 * mib, previous: 9 * mib, previousIncarnation: 2 })
  expect(statSync(path).size).toBe(logStart)
  log.close()
  expect(contentOf()).toMatchObject({ type: 'log', missingBytes: 0 })
  const again = openLog()
  expect(again.state.segments).toEqual({ bytes: 2 * mib, from: 10 * mib })
  expect(readByte(again, 10 * mib)).toBe(4)
  again.close()
})

test('WAL with segments: a new log at the place of another one has none of its segments', () => {
  const log = openLog()
  write(log, 0, 1)
  log.close()
  const place = openWalPlace(path)
  wipe(place)
  place.release()
  expect(segmentsIn(segments)).toEqual([])
  write(openLog(), 2 * mib, 1)
  rmSync(path)
  openLog().close()
  expect(segmentsIn(segments)).toEqual([])
})

test('WAL with segments: a segment that is missing or short before another is reported, and none after the last', () => {
  const log = openLog()
  for (const position of [0, 2, 4]) write(log, position * mib, 1)
  log.close()
  expect(contentOf()).toMatchObject({ type: 'log' })
  expect(contentOf()).not.toHaveProperty('missingSegment')
  const [first, second, third] = [0, 2, 4].map((start) => join(segments, segmentName(start * mib))) as [string, string, string]
  truncateSync(second, mib)
  expect(contentOf()).toMatchObject({ missingSegment: segmentName(2 * mib) })
  rmSync(second)
  expect(contentOf()).toMatchObject({ missingSegment: segmentName(2 * mib) })
  rmSync(third)
  expect(contentOf()).not.toHaveProperty('missingSegment')
  rmSync(first)
  expect(existsSync(segments)).toBe(true)
  expect(contentOf()).not.toHaveProperty('missingSegment')
})
