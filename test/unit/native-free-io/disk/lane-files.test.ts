import {
  existsSync,
  linkSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { emptyLog, lanePath, removeFormerLanes } from '../../../../native-free-io/disk/lane-files.ts'
import { createSegment } from '../../../../native-free-io/disk/segment-files.ts'
import { WalFile } from '../../../../native-free-io/disk/wal-file.ts'
import { inspectWal } from '../../../../native-free-io/disk/wal-inspection.ts'
import { openWalPlace, refuseLanes, type WalPlace } from '../../../../native-free-io/disk/wal-place.ts'
import type { FileWal } from '../../../../src/config/wal-uri.ts'
import { emptyImage, type MutableImage, replay } from '../../../../src/metadata/image.ts'
import { segmentFolder, segmentName } from '../../../../src/wal/segments.ts'
import { walBuffers } from '../../../support/wal-buffers.ts'

const mib = 1 << 20
const identity = { clusterId: 'AAAAAAAAAAAAAAAAAAAAAQ', nodeId: 1, lane: 0, foundingId: 'AAAAAAAAAAAAAAAAAAAAAg' }
const atDefault: FileWal = { scheme: 'file', path: null, capacityBytes: 8 * mib, isCapacityGiven: true }
let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lanes-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** Creates the log of a lane, as a start with this number does. */
function newLog(wal: FileWal, lane: number, incarnation: number, of = identity): void {
  const { buffers } = walBuffers()
  const segmentBytes = wal.path === null ? () => 2 * mib : undefined
  const target = { path: lanePath(wal, folder, lane), device: null, identity: { ...of, lane }, capacity: 8 * mib, segmentBytes }
  const place = openWalPlace(target.path)
  WalFile.open({ ...target, incarnation, metadataRecords: 0 }, buffers, () => 7).close()
  place.release()
}

const removeFrom = (lanes: number, wal: FileWal = atDefault): void =>
  removeFormerLanes(wal, folder, { lanes, identity, isEnded: (incarnation) => incarnation <= 5 })

function placeOf<T>(wal: FileWal, lane: number, use: (place: WalPlace) => T): T {
  const place = openWalPlace(lanePath(wal, folder, lane))
  try {
    return use(place)
  } finally {
    place.release()
  }
}

test('lanes: the log of a lane is in log.dirs, or beside the path that is set', () => {
  expect([0, 1, 12].map((lane) => lanePath({ path: null }, '/data', lane))).toEqual([
    '/data/wal/lane-0.wal',
    '/data/wal/lane-1.wal',
    '/data/wal/lane-12.wal',
  ])
  expect([0, 1, 12].map((lane) => lanePath({ path: '/fast/name.wal' }, '/data', lane))).toEqual([
    '/fast/name.wal',
    '/fast/name.wal.1',
    '/fast/name.wal.12',
  ])
})

test('lanes: a device takes one log', () => {
  expect(refuseLanes('/dev/x', 1)).toBeUndefined()
  expect(() => refuseLanes('/dev/x', 3)).toThrow(
    's3.wal.path: the device /dev/x takes the write-ahead log of one lane, not of 3: set lanes=1, or s3.wal.path to a file',
  )
})

test('lanes: logs of a former number of lanes are removed with their segments, except those that are objects', async () => {
  for (const lane of [0, 1, 2]) newLog(atDefault, lane, 5)
  const segments = segmentFolder(lanePath(atDefault, folder, 2))
  for (const start of [0, 2 * mib]) await createSegment(segments, start, 2 * mib)
  linkSync(join(segments, segmentName(0)), join(folder, 'object'))
  removeFrom(2)
  expect(readdirSync(join(folder, 'wal')).sort()).toEqual(['lane-0.segments', 'lane-0.wal', 'lane-1.segments', 'lane-1.wal'])
  expect(statSync(join(folder, 'object'))).toMatchObject({ nlink: 1, size: 2 * mib })
})

test('lanes: a file that is not an ended log of this node is never removed', () => {
  const wal = { ...atDefault, path: join(folder, 'name.wal') }
  for (const lane of [0, 1]) newLog(wal, lane, 5)
  newLog(wal, 2, 6)
  newLog(wal, 3, 5, { ...identity, foundingId: 'AAAAAAAAAAAAAAAAAAAAAw' })
  writeFileSync(join(folder, 'name.wal.4'), 'text')
  removeFrom(1, wal)
  expect(readdirSync(folder).sort()).toEqual(['name.wal', 'name.wal.2', 'name.wal.3', 'name.wal.4'])
  expect(readFileSync(join(folder, 'name.wal.4'), 'utf8')).toBe('text')
})

test('lanes: of a removed log that is a link, the target is emptied', () => {
  const wal = { ...atDefault, path: join(folder, 'name.wal') }
  newLog(wal, 1, 5)
  renameSync(join(folder, 'name.wal.1'), join(folder, 'elsewhere'))
  symlinkSync(join(folder, 'elsewhere'), join(folder, 'name.wal.1'))
  removeFrom(1, wal)
  expect(readdirSync(folder)).toEqual(['elsewhere'])
  expect(statSync(join(folder, 'elsewhere')).size).toBe(0)
})

function imageOf(endedIncarnation: number, incarnation?: number): MutableImage {
  const image = emptyImage(1)
  replay(image, { type: 'lanesChanged', lanes: 2, incarnation: endedIncarnation })
  if (incarnation !== undefined) replay(image, { type: 'walMarked', lane: 1, secret: 7, incarnation, stored: 0, durable: 0 })
  return image
}

test('lanes: a start with another number of lanes finds an ended log, and empties it', async () => {
  newLog(atDefault, 1, 5)
  await createSegment(segmentFolder(lanePath(atDefault, folder, 1)), 0, 2 * mib)
  const findingOf = (image: MutableImage): string =>
    placeOf(atDefault, 1, ({ content }) => {
      const expected = { identity: { ...identity, lane: 1 }, image, mustExist: true, mayBeFormer: false }
      return inspectWal(content, expected).type
    })
  expect(findingOf(imageOf(5))).toBe('ended')
  expect(findingOf(imageOf(4))).toBe('own')
  // The lane has a new log, and this is a copy of the former one.
  expect(findingOf(imageOf(5, 6))).toBe('lost')
  placeOf(atDefault, 1, emptyLog)
  expect(placeOf(atDefault, 1, ({ content }) => content.type)).toBe('blank')
  expect(existsSync(join(segmentFolder(lanePath(atDefault, folder, 1)), segmentName(0)))).toBe(false)
})
