import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { roomFor } from '../../../../native-free-io/disk/wal-room.ts'

const mib = 1 << 20
const logBytes = 8 * mib
let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'room-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const pathsOf = (lanes: number): string[] => Array.from({ length: lanes }, (_, lane) => join(folder, `lane-${lane}.wal`))
const free = (): number => {
  const { bsize, bavail } = statfsSync(folder)
  return bsize * bavail
}

test('room for logs: the logs of all lanes must fit', () => {
  const capacity = Math.floor((free() * 0.7) / mib) * mib
  const given = { capacity, isDefault: false, logBytes }
  expect(roomFor({ paths: pathsOf(1), ...given })).toBe(capacity)
  expect(() => roomFor({ paths: pathsOf(3), ...given })).toThrow(
    /^s3\.wal\.path: a write-ahead log of \d+MiB for each of 3 lanes does not fit .*lane-0\.wal: its file system has \d+MiB free\. Set s3\.wal\.path=file:\/\/\?capacity=/,
  )
})

test('room for logs: the default capacity is reduced, so that the new logs together have half of the free space', () => {
  const capacity = 2 ** 41
  const reduced = roomFor({ paths: pathsOf(3), capacity, isDefault: true, logBytes })
  expect(reduced % logBytes).toBe(0)
  expect(reduced * 3).toBeLessThanOrEqual(free() / 2 + 64 * mib)
  expect(reduced * 3).toBeGreaterThan(free() / 4)
})

test('room for logs: existing logs need none', () => {
  const [first, second, third] = pathsOf(3)
  const capacity = Math.floor((free() * 0.7) / mib) * mib
  for (const path of [first!, second!]) writeFileSync(path, '')
  expect(roomFor({ paths: [first!, second!, third!], capacity, isDefault: false, logBytes })).toBe(capacity)
  writeFileSync(third!, '')
  expect(roomFor({ paths: [first!, second!, third!], capacity: 2 ** 42, isDefault: false, logBytes })).toBe(2 ** 42)
})
