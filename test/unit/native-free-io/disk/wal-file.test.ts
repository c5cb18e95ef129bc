import { closeSync, existsSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type WalBuffers, WalFile, type WalTarget } from '../../../../native-free-io/disk/wal-file.ts'
import { isKept, readWalRanges } from '../../../../native-free-io/disk/wal-ranges.ts'
import { blockBytes, walRecord } from '../../../../src/wal/wal-record.ts'
import { SmallDisk, smallDiskMissing } from '../../../support/small-disk.ts'
import { walBuffers } from '../../../support/wal-buffers.ts'

const mib = 1 << 20
const logStart = 65_536
const capacity = 4 * mib
const identity = { clusterId: 'AAAAAAAAAAAAAAAAAAAAAQ', nodeId: 1, lane: 0, foundingId: 'AAAAAAAAAAAAAAAAAAAAAg' }
let folder: string
let path: string
let buffers: WalBuffers
const secret = 0xfeed_beef
let drawn: number
const entropy = (): number => {
  drawn++
  return secret | 0
}
const target = (at: string, bytes = capacity): WalTarget => ({
  path: at,
  device: null,
  identity,
  capacity: bytes,
  incarnation: 1,
  metadataRecords: 0,
})
/** Blocks of the arena for the tests. */
let at: number

beforeEach(() => {
  drawn = 0
  folder = mkdtempSync(join(tmpdir(), 'wal-'))
  path = join(folder, 'lane.wal')
  ;({ buffers, at } = walBuffers())
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const fill = (byte: number, bytes: number): void => void buffers.bytes.fill(byte, at, at + bytes)

/** Contents of the log, read through a handle of its own. */
function readBack(position: number, bytes: number): Buffer {
  const file = WalFile.open(target(path), buffers, entropy)
  buffers.bytes.fill(0xee, at, at + bytes)
  file.read(at, bytes, position)
  file.close()
  return Buffer.from(buffers.bytes.subarray(at, at + bytes))
}

function damage(offset: number, byte: number, bytes = 1): void {
  const fd = openSync(path, 'r+')
  writeSync(fd, Buffer.alloc(bytes, byte), 0, bytes, offset)
  closeSync(fd)
}

test('WAL file: a new log counts its starts, keeps its capacity and its secret, and is cut nowhere', () => {
  for (let incarnation = 1; incarnation < 5; incarnation++) {
    const file = WalFile.open(target(path, incarnation === 1 ? capacity : 64 * mib), buffers, entropy)
    expect(file.state).toEqual({ capacity, secret, incarnation, trimmed: 0, previous: 0, previousIncarnation: 0 })
    file.close()
  }
  expect(drawn).toBe(1)
})

/** Where the system has a file system in memory, which may not support direct I/O. */
test.runIf(existsSync('/dev/shm'))('WAL file: a file system in memory holds a log too', () => {
  const there = mkdtempSync('/dev/shm/wal-')
  try {
    const file = WalFile.open(target(join(there, 'lane.wal')), buffers, entropy)
    fill(9, 2 * blockBytes)
    file.write(at, 2 * blockBytes, mib)
    file.trim({ trimmed: mib, previous: 0, previousIncarnation: 1 })
    file.close()
    const again = WalFile.open(target(join(there, 'lane.wal')), buffers, entropy)
    expect(again.state).toMatchObject({ incarnation: 2, trimmed: mib })
    fill(0, blockBytes)
    again.read(at, blockBytes, mib + blockBytes)
    again.close()
    expect(buffers.bytes[at]).toBe(9)
  } finally {
    rmSync(there, { recursive: true })
  }
})

test('WAL file: what is written is read back, across the end of the file too', () => {
  const file = WalFile.open(target(path), buffers, entropy)
  for (const [byte, position] of [
    [1, 0],
    [2, 3 * mib],
    [3, capacity + blockBytes],
    [4, 2 * capacity - blockBytes],
  ] as const) {
    fill(byte, blockBytes)
    file.write(at, blockBytes, position)
  }
  file.close()
  expect(readBack(3 * mib, blockBytes)).toEqual(Buffer.alloc(blockBytes, 2))
  const wrapped = readBack(2 * capacity - blockBytes, 3 * blockBytes)
  expect([wrapped[0], wrapped[blockBytes], wrapped[2 * blockBytes]]).toEqual([4, 1, 3])
  expect(readBack(mib, blockBytes)).toEqual(Buffer.alloc(blockBytes))
})

test('WAL file: where nothing was ever written it reads as zeros', () => {
  expect(readBack(3 * mib, 2 * blockBytes)).toEqual(Buffer.alloc(2 * blockBytes))
})

test('WAL file: it has its whole size at once, and preparing it leaves what is there', () => {
  const file = WalFile.open(target(path), buffers, entropy)
  expect(statSync(path).size).toBe(logStart + capacity)
  fill(7, blockBytes)
  file.write(at, blockBytes, 0)
  expect(file.prepare(0, false)).toBe(false)
  expect(file.prepared).toBe(blockBytes)
  expect(file.prepare(blockBytes, false)).toBe(true)
  expect(file.prepared).toBe(mib + blockBytes)
  while (file.prepare(blockBytes, true));
  expect(file.prepared).toBe(capacity)
  file.close()
  expect(statSync(path).blocks * 512).toBeGreaterThanOrEqual(capacity)
  expect(readBack(0, 2 * blockBytes)).toEqual(Buffer.concat([Buffer.alloc(blockBytes, 7), Buffer.alloc(blockBytes)]))
})

test('WAL file: what was prepared is noted, and is not written with zeros again', () => {
  const file = WalFile.open(target(path), buffers, entropy)
  file.note(12, 2 * mib)
  file.close()
  damage(logStart + mib, 9)
  damage(logStart + 3 * mib, 9)
  const again = WalFile.open(target(path), buffers, entropy)
  expect(again.prepared).toBe(2 * mib)
  while (again.prepare(2 * mib, true));
  again.close()
  expect(readBack(mib, blockBytes)[0]).toBe(9)
  expect(readBack(3 * mib, blockBytes)[0]).toBe(0)
})

test('WAL file: a second handle does not make a file that was removed', () => {
  const file = WalFile.open(target(path), buffers, entropy)
  rmSync(path)
  expect(() => WalFile.attach(path, file, buffers)).toThrow('ENOENT')
  file.close()
  expect(existsSync(path)).toBe(false)
})

test('WAL file: a second handle prepares and writes behind the first', () => {
  const file = WalFile.open(target(path), buffers, entropy)
  const second = WalFile.attach(path, file, buffers)
  expect(second.direct).toBe(file.direct)
  while (second.prepare(0, true));
  fill(5, blockBytes)
  second.write(at, blockBytes, 8 * blockBytes)
  file.trim({ trimmed: blockBytes, previous: 64, previousIncarnation: 1 })
  second.close()
  file.close()
  expect(readBack(8 * blockBytes, blockBytes)).toEqual(Buffer.alloc(blockBytes, 5))
})

describe('WAL file: the superblock', () => {
  const cut = { trimmed: 5 * mib, previous: 5 * mib - 4096, previousIncarnation: 1 }

  /** Starts, and trims: sequence 1 in slot 1, sequence 2 in slot 0. */
  function trimmed(): void {
    const file = WalFile.open(target(path), buffers, entropy)
    file.trim(cut)
    file.close()
  }

  test('remembers where the log was cut', () => {
    trimmed()
    const file = WalFile.open(target(path), buffers, entropy)
    expect(file.state).toEqual({ capacity, secret, incarnation: 2, ...cut })
    file.close()
  })

  test('is written to two places in turn, so that a torn one leaves the one before', () => {
    trimmed()
    damage(40, 0xff)
    const file = WalFile.open(target(path), buffers, entropy)
    expect(file.state).toMatchObject({ incarnation: 2, trimmed: 0 })
    file.close()
    damage(blockBytes + 40, 0xff)
    const again = WalFile.open(target(path), buffers, entropy)
    expect(again.state).toMatchObject({ incarnation: 3, trimmed: 0 })
    again.close()
  })

  test.each([512, 1024, 2048, 4096])('whose first %i bytes were zeroed leaves the one before', (bytes) => {
    trimmed()
    damage(0, 0, bytes)
    const file = WalFile.open(target(path), buffers, entropy)
    expect(file.state).toMatchObject({ incarnation: 2, trimmed: 0 })
    file.close()
  })
})

describe('WAL file: batches by their positions', () => {
  /** A header with its position and the length of its batch, and a batch of one byte again and again. */
  const put = (log: Buffer, position: number, bytes: number, byte: number): void => {
    const header = (position - walRecord.bytes) % capacity
    log.fill(byte, position % capacity, (position % capacity) + bytes)
    log.writeUInt32LE(position - walRecord.bytes, header + walRecord.position)
    log.writeUInt32LE(bytes, header + walRecord.length)
  }
  const read = (log: Buffer) => (into: Uint8Array, _: number, from: number) =>
    log.copy(into, 0, from - logStart, from - logStart + into.length)

  test('are read together, and none that has been overwritten', () => {
    const log = Buffer.alloc(capacity)
    put(log, 1064, 100, 1)
    put(log, 5064, 200, 2)
    put(log, 3 * mib + 64, 300, 3)
    const requested = [
      { position: 1064, bytes: 100 },
      { position: 5064, bytes: 200 },
      { position: 3 * mib + 64, bytes: 300 },
    ]
    const found = Buffer.alloc(600)
    expect(readWalRanges(read(log), { capacity }, requested, [found])).toBe(true)
    expect(found).toEqual(Buffer.concat([Buffer.alloc(100, 1), Buffer.alloc(200, 2), Buffer.alloc(300, 3)]))
    put(log, capacity + 5064, 200, 9)
    expect(readWalRanges(read(log), { capacity }, requested, [found])).toBe(false)
  })

  test('are read into pieces of memory, large ones without a copy', () => {
    const log = Buffer.alloc(capacity)
    const [small, large] = [100, mib + 300]
    put(log, 1064, small, 1)
    put(log, 2064, large, 2)
    for (let i = 0; i < large; i++) log[2064 + i] = (i * 7 + (i >>> 9)) & 0xff
    const requested = [
      { position: 1064, bytes: small },
      { position: 2064, bytes: large },
    ]
    const reads: number[] = []
    const counted = (into: Uint8Array, segment: number, from: number): number => {
      reads.push(into.length)
      return read(log)(into, segment, from)
    }
    const pieces = [7, 93, 4096, 600_000, small + large - 604_196].map((bytes) => Buffer.alloc(bytes))
    expect(readWalRanges(counted, { capacity }, requested, pieces)).toBe(true)
    expect(Buffer.concat(pieces).equals(Buffer.concat([Buffer.alloc(100, 1), log.subarray(2064, 2064 + large)]))).toBe(true)
    expect(Math.max(...reads)).toBeGreaterThan(400_000)
    const short = (into: Uint8Array, segment: number, from: number): number => Math.min(read(log)(into, segment, from), 500_000)
    expect(readWalRanges(short, { capacity }, [requested[1]!], [Buffer.alloc(large)])).toBe(false)
  })

  test('are rejected when the log has overwritten them during the read, although every header is valid', () => {
    const log = Buffer.alloc(capacity)
    put(log, 1064, 100, 1)
    put(log, 5064, 200, 2)
    const requested = [
      { position: 1064, bytes: 100 },
      { position: 5064, bytes: 200 },
    ]
    const lapped = (into: Uint8Array, segment: number, from: number): number => {
      log.fill(9, 5064 + 100, 5064 + 200)
      return read(log)(into, segment, from)
    }
    expect(readWalRanges(lapped, { capacity }, requested, [Buffer.alloc(300)])).toBe(true)
    expect(isKept(requested, capacity, { capacity })).toBe(true)
    expect(isKept(requested, capacity + 1000 + 64 - walRecord.bytes, { capacity })).toBe(true)
    expect(isKept(requested, capacity + blockBytes, { capacity })).toBe(false)
  })
})

test.skipIf(smallDiskMissing() !== undefined)(
  'WAL file: a write for which the disk has no room is none, and is taken when there is room',
  () => {
    const disk = new SmallDisk(3)
    try {
      const file = WalFile.open(target(join(disk.path, 'lane.wal')), buffers, entropy)
      fill(7, mib)
      let position = 0
      while (file.write(at, mib, position)) position += mib
      expect(position).toBeLessThan(capacity)
      expect(file.prepare(position, true)).toBe(false)
      expect(file.write(at, mib, position)).toBe(false)
      disk.resize(16)
      expect(file.write(at, mib, position)).toBe(true)
      buffers.bytes.fill(0xee, at, at + 2 * mib)
      file.read(at, 2 * mib, position - mib)
      expect(buffers.bytes.subarray(at, at + 2 * mib).every((byte) => byte === 7)).toBe(true)
      file.trim({ trimmed: 0, previous: 0, previousIncarnation: 0 })
      file.close()
    } finally {
      disk.unmount()
    }
  },
)
