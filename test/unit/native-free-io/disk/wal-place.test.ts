import { execFileSync, spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, symlinkSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { sysFolder } from '../../../../native-free-io/disk/block-device.ts'
import { openWalPlace, type WalContent, wipe } from '../../../../native-free-io/disk/wal-place.ts'
import { StartRefused } from '../../../../native-free-io/process/start-refused.ts'
import { blockBytes } from '../../../../src/wal/wal-record.ts'
import { encodeSuperblock, type Superblock } from '../../../../src/wal/wal-superblock.ts'
import { crc32c } from '../../../../src/wire/crc32c.ts'
import { type LoopDevice, loopDevice, loopMissing } from '../../../support/loop-device.ts'

const mib = 1 << 20
const logStart = 65_536
let folder: string
let path: string
const releases: (() => void)[] = []
const devices: LoopDevice[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wal-place-'))
  path = join(folder, 'wal')
})
afterEach(() => {
  for (const release of releases.splice(0)) release()
  for (const device of devices.splice(0)) device.remove()
  rmSync(folder, { recursive: true, force: true })
})

const identity = { clusterId: 'AAAAAAAAAAAAAAAAAAAAAQ', nodeId: 7, lane: 0, foundingId: 'AAAAAAAAAAAAAAAAAAAAAg' }
const superblock = (sequence = 1, changed: Partial<Superblock> = {}): Superblock => ({
  state: { capacity: 8 * mib, secret: 5, incarnation: 3, trimmed: 4096, previous: 64, previousIncarnation: 2 },
  sequence,
  identity,
  metadataRecords: 2 ** 40,
  prepared: 2 ** 41,
  ...changed,
})
const encoded = (of: Superblock): Buffer => {
  const block = Buffer.alloc(blockBytes)
  encodeSuperblock(block, of)
  return block
}
function put(bytes: Buffer, at: number, where = path): void {
  const fd = openSync(where, 'r+')
  writeSync(fd, bytes, 0, bytes.length, at)
  closeSync(fd)
}
function file(bytes = logStart + 8 * mib): void {
  writeFileSync(path, '')
  truncateSync(path, bytes)
}
function content(of = path): WalContent {
  const place = openWalPlace(of)
  releases.push(place.release)
  return place.content
}

describe('WAL place: a file', () => {
  test('is absent, blank, or a log with the contents of its newer valid superblock', () => {
    expect(content()).toEqual({ type: 'absent' })
    releases.splice(0)[0]!()
    file()
    expect(content()).toEqual({ type: 'blank' })
    releases.splice(0)[0]!()
    put(encoded(superblock(1)), 4096)
    put(encoded(superblock(2, { metadataRecords: 9 })), 0)
    expect(content()).toEqual({ type: 'log', superblock: superblock(2, { metadataRecords: 9 }), missingBytes: 0 })
    releases.splice(0)[0]!()
    put(Buffer.alloc(1, 9), 100)
    expect(content()).toEqual({ type: 'log', superblock: superblock(1), missingBytes: 0 })
  })

  test('of an older release has no identity, and no size of its own', () => {
    file(logStart)
    put(encoded(superblock(1, { identity: undefined })), 4096)
    const former = superblock(1, { identity: undefined, metadataRecords: 0, prepared: 0 })
    expect(content()).toEqual({ type: 'log', superblock: former, missingBytes: 0 })
  })

  test('that is shorter than its log is reported with the number of missing bytes', () => {
    file(logStart + 3 * mib)
    put(encoded(superblock()), 4096)
    expect(content()).toMatchObject({ type: 'log', missingBytes: 5 * mib })
  })

  test('with damaged superblocks, of another format or with other data is not taken for a new log', () => {
    file()
    const damaged = encoded(superblock())
    damaged[2000] = 1
    put(damaged, 0)
    expect(content()).toEqual({ type: 'damaged' })
    releases.splice(0)[0]!()
    const future = encoded(superblock())
    future.writeUInt32LE(9, 8)
    future.writeUInt32LE(crc32c(future, 8), 4)
    put(future, 0)
    expect(content()).toMatchObject({ type: 'foreign', what: expect.stringContaining('format 9') })
    releases.splice(0)[0]!()
    writeFileSync(path, 'a foreign file')
    expect(content()).toMatchObject({ type: 'foreign', what: 'data that is not a write-ahead log' })
    releases.splice(0)[0]!()
    file()
    put(Buffer.from('x'), 8 * mib)
    expect(content()).toMatchObject({ type: 'foreign' })
  })

  test('is locked under each of its names', () => {
    file()
    content()
    symlinkSync(folder, join(folder, 'link'))
    expect(() => content(join(folder, 'link', 'wal'))).toThrow(StartRefused)
    expect(() => content()).toThrow(`is in use by process ${process.pid}`)
    releases.splice(0)[0]!()
    expect(content(join(folder, 'link', 'wal'))).toEqual({ type: 'blank' })
  })

  test('that is a folder, that is behind a file or is no device is rejected', () => {
    mkdirSync(path)
    expect(() => content()).toThrow(/neither a file nor a block device/)
    writeFileSync(join(folder, 'plain'), '')
    expect(() => content(join(folder, 'plain', 'wal'))).toThrow(StartRefused)
    expect(() => content('/dev/null')).toThrow(/neither a file nor a block device/)
    expect(() => content('/dev/no-such-disk')).toThrow('there is no device /dev/no-such-disk')
  })

  test('that was wiped is blank', () => {
    file()
    put(encoded(superblock()), 0)
    put(Buffer.from('x'), logStart + 8 * mib - 1)
    const place = openWalPlace(path)
    wipe(place)
    place.release()
    expect(content()).toEqual({ type: 'blank' })
  })
})

const missing = loopMissing()
if (missing) console.warn(`skipped: block devices, ${missing}`)
describe.runIf(missing === null)('WAL place: a block device', () => {
  const device = (sectorBytes = 512): string => {
    const made = loopDevice(16 * mib, sectorBytes)
    devices.push(made)
    return made.path
  }

  test.each([512, 4096])('has its size and its sectors of %i bytes from the kernel', (sectorBytes) => {
    const place = openWalPlace(device(sectorBytes))
    releases.push(place.release)
    expect(place.device).toEqual({ bytes: 16 * mib, sectorBytes })
    expect(place.content).toEqual({ type: 'blank' })
  })

  test('has one owner at a time, and a mount is one', () => {
    const disk = device()
    content(disk)
    expect(() => content(disk)).toThrow(/is in use/)
    releases.splice(0)[0]!()
    execFileSync('mkfs.ext4', ['-q', disk])
    const mount = join(folder, 'mount')
    mkdirSync(mount)
    if (spawnSync('mount', [disk, mount]).status === 0) {
      expect(() => content(disk)).toThrow(/is in use: it is mounted/)
      execFileSync('umount', [mount])
    }
    expect(content(disk)).toEqual({ type: 'foreign', what: 'an ext2, ext3 or ext4 file system' })
  })

  test('that is smaller than the log on it is reported with the number of missing bytes', () => {
    const disk = device()
    put(encoded(superblock(1, { state: { ...superblock().state, capacity: 16 * mib } })), 0, disk)
    expect(content(disk)).toMatchObject({ type: 'log', missingBytes: logStart })
  })

  test('that was wiped is blank, at its end too', () => {
    const disk = device()
    put(encoded(superblock()), 0, disk)
    put(Buffer.alloc(blockBytes, 1), 16 * mib - blockBytes, disk)
    const place = openWalPlace(disk)
    wipe(place)
    place.release()
    expect(content(disk)).toEqual({ type: 'blank' })
  })
})

test('block device: its number is taken apart as Linux packs it', () => {
  expect(sysFolder(1792)).toBe('/sys/dev/block/7:0')
  expect(sysFolder(0x80_3ff1)).toBe('/sys/dev/block/63:2289')
  expect(sysFolder(0x10_3ffff)).toBe('/sys/dev/block/1023:4351')
})
