import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createArena, openArena } from '../../../../native-free-io/threads/arena.ts'
import { fileHome, type LogHome } from '../../../../native-free-io/threads/log-home.ts'
import { planArena } from '../../../../src/pipeline/arena-plan.ts'
import { segmentFolder } from '../../../../src/wal/segments.ts'

const mib = 2 ** 20
const segmentBytes = 4 * mib
let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'log-home-'))
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})
afterEach(() => {
  vi.useRealTimers()
  rmSync(folder, { recursive: true, force: true })
})

const path = (): string => join(folder, 'lane-0.wal')
const segments = (): string[] => readdirSync(segmentFolder(path())).sort()

function open(incarnation: number): LogHome {
  const plan = planArena({ networkWorkers: 1, lanes: 1, validators: 1, receive: mib, log: mib, inline: false })
  const identity = { clusterId: 'AAAAAAAAAAAAAAAAAAAAAQ', nodeId: 1, lane: 0, foundingId: 'AAAAAAAAAAAAAAAAAAAAAg' }
  const target = {
    path: path(),
    device: null,
    identity,
    capacity: 16 * mib,
    segmentBytes: () => segmentBytes,
    incarnation,
    metadataRecords: 0,
  }
  return fileHome(target, openArena(createArena(plan.pages)), { layout: plan.lanes[0]!, zeros: plan.zeros }, () => 1)
}

/** Starts no thread: the files are created by the main thread. */
const start = (home: LogHome): unknown => home.writer(() => undefined as never, {} as never, 0)

test('a log removes its trimmed segments after a while, and no others', async () => {
  const home = open(1)
  start(home)
  await vi.waitUntil(() => segments().length === 3)
  home.trim({ trimmed: segmentBytes, previous: 0, previousIncarnation: 1 })
  expect(segments().length).toBe(3)
  await vi.advanceTimersByTimeAsync(10_000)
  await vi.waitUntil(() => segments().length === 2)
  await home.close()
})

test('a log that is closed creates and removes no file of a log that takes its place', async () => {
  const former = open(1)
  start(former)
  await vi.waitUntil(() => segments().length === 3)
  former.trim({ trimmed: 3 * segmentBytes, previous: 0, previousIncarnation: 1 })
  former.entered(3 * segmentBytes)
  await former.close()
  rmSync(segmentFolder(path()), { recursive: true })
  rmSync(path())
  const home = open(2)
  start(home)
  await vi.waitUntil(() => segments().length === 3)
  const created = segments()
  await vi.advanceTimersByTimeAsync(10_000)
  // File operations that were started meanwhile end before these.
  for (let i = 0; i < 50; i++) await stat(path())
  await home.close()
  expect(segments()).toEqual(created)
  expect(existsSync(path())).toBe(true)
})
