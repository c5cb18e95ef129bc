import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { DiskRoom } from '../../../../native-free-io/disk/disk-room.ts'
import { RaftLogFile, type RaftLogOptions } from '../../../../native-free-io/disk/raft-log-file.ts'
import { RaftLogDamaged, segmentName } from '../../../../native-free-io/disk/raft-log-recovery.ts'
import { encodeTrailer, SyncedEnd, trailerOf } from '../../../../native-free-io/disk/raft-log-tail.ts'
import type { OffsetAndEpoch, RaftBatch } from '../../../../src/ports/raft-log.ts'
import { placeBatch, raftBatchBytesMax } from '../../../../src/wire/raft-batches.ts'
import { raftBatch, raftBatches } from '../../../support/raft-batches.ts'
import { SmallDisk, smallDiskMissing } from '../../../support/small-disk.ts'

let root: string
let folder: string
let copies: number
const opened: RaftLogFile[] = []

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'raft-log-'))
  folder = join(root, '__cluster_metadata-0')
  copies = 0
})
afterEach(async () => {
  for (const log of opened.splice(0)) await log.close()
  rmSync(root, { recursive: true, force: true })
})

const never = (error: Error): void => {
  throw error
}
const room = new DiskRoom(() => {})

async function openLog(options: Partial<RaftLogOptions> = {}): Promise<{ log: RaftLogFile; tornBytes: number }> {
  const found = await RaftLogFile.open({ folder, snapshots: [], room, failed: never, ...options })
  opened.push(found.log)
  return found
}
async function close(log: RaftLogFile): Promise<void> {
  opened.splice(opened.indexOf(log), 1)
  await log.close()
}
/** What is in the files now: as after `kill -9`. */
function copyFolder(): string {
  const copy = join(root, `copy-${copies++}`)
  cpSync(folder, copy, { recursive: true })
  return copy
}
const all = (log: RaftLogFile): Buffer => log.read(log.start.offset, log.end.offset, 2 ** 30)
const bytesOf = (batches: readonly RaftBatch[]): Buffer => Buffer.concat(batches.map(({ bytes }) => bytes))
const names = (path: string): string[] => readdirSync(path).sort()
/** Opens the log in a folder and reads all of it. */
async function contents(path: string, snapshots: readonly OffsetAndEpoch[] = []): Promise<Buffer> {
  const { log } = await openLog({ folder: path, snapshots })
  const found = all(log)
  await close(log)
  return found
}

test('raft log file: appended batches are read before they are durable, and after a restart', async () => {
  const { log } = await openLog()
  const batches = [raftBatch(0, 1, { records: 3 }), raftBatch(3, 1), raftBatch(4, 5, { records: 2 })]
  const done = log.append(batches)
  expect(all(log)).toEqual(bytesOf(batches))
  expect([log.end, log.syncedEnd]).toEqual([{ offset: 6, epoch: 5 }, 0])
  await done
  expect([log.syncedEnd, all(log).equals(bytesOf(batches))]).toEqual([6, true])
  await close(log)
  const { log: next, tornBytes } = await openLog()
  expect([next.start, next.end, next.syncedEnd, tornBytes]).toEqual([{ offset: 0, epoch: 0 }, { offset: 6, epoch: 5 }, 6, 0])
  expect(next.epochs).toEqual([
    { epoch: 1, start: 0 },
    { epoch: 5, start: 4 },
  ])
  expect([0, 1, 4, 5, 6].map((offset) => next.epochBefore(offset))).toEqual([0, 1, 1, 5, 5])
  expect(next.bytes).toBe(bytesOf(batches).length)
})

test('raft log file: after a clean stop the folder contains Kafka segments of whole batches only', async () => {
  const { log } = await openLog()
  const batches = raftBatches(0, 1, 5)
  await log.append(batches)
  await close(log)
  expect(names(folder)).toEqual(['00000000000000000000.log', 'synced-end'])
  expect(readFileSync(join(folder, segmentName(0)))).toEqual(bytesOf(batches))
  expect(readFileSync(join(folder, 'synced-end')).length).toBe(16)
})

test('raft log file: a read returns whole batches within its limits, and one at least', async () => {
  const { log } = await openLog()
  const batches = [raftBatch(0, 1, { records: 4, valueBytes: 1000 }), raftBatch(4, 1, { records: 2 }), raftBatch(6, 2)]
  await log.append(batches)
  const [first, second, third] = batches.map(({ bytes }) => bytes) as [Buffer, Buffer, Buffer]
  expect(log.read(2, 7, 1)).toEqual(first)
  expect(log.read(0, 7, first.length + second.length)).toEqual(Buffer.concat([first, second]))
  expect(log.read(4, 6, 2 ** 30)).toEqual(second)
  expect(log.read(4, 7, 2 ** 30)).toEqual(Buffer.concat([second, third]))
  expect(log.read(0, 3, 2 ** 30).length).toBe(0)
  expect(log.read(7, 7, 2 ** 30).length).toBe(0)
})

test('raft log file: appends that wait together resolve in order, with few writes', async () => {
  let writes = 0
  const { log } = await openLog({ atPoint: (point) => void (writes += point === 'metadata log written' ? 1 : 0) })
  const order: number[] = []
  const batches = raftBatches(0, 1, 500)
  await Promise.all(batches.map((batch, index) => log.append([batch]).then(() => order.push(index))))
  expect(order).toEqual(batches.map((_, index) => index))
  expect(writes).toBeLessThan(5)
  await close(log)
  expect(await contents(folder)).toEqual(bytesOf(batches))
})

test('raft log file: batches that replace truncated ones are read, and not durable, before they are written', async () => {
  const found: unknown[] = []
  const { log } = await openLog({
    atPoint: (point) => {
      if (point === 'metadata log synced end lowered') found.push([all(log).equals(bytesOf(next)), log.syncedEnd])
    },
  })
  const former = raftBatches(0, 1, 3)
  const next = [former[0]!, ...raftBatches(1, 2, 2)]
  void log.append(former)
  void log.truncateTo(1)
  await log.append(next.slice(1))
  expect(found).toEqual([[true, 1]])
  expect([all(log).equals(bytesOf(next)), log.syncedEnd]).toEqual([true, 3])
})

test('raft log file: a write that was cut off at any byte is as if it had never been', async () => {
  const before = raftBatches(0, 1, 2)
  const last = [raftBatch(2, 2, { records: 2 }), raftBatch(4, 3)]
  let torn = ''
  const { log } = await openLog({ atPoint: () => void (torn = copyFolder()) })
  await log.append(before)
  await log.append(last)
  const path = join(torn, segmentName(0))
  const whole = readFileSync(path)
  const [start, middle] = [bytesOf(before).length, bytesOf([...before, last[0]!]).length]
  const end = bytesOf([...before, ...last]).length
  for (let length = start; length <= end; length++) {
    for (const content of [whole.subarray(0, length), Buffer.concat([whole.subarray(0, length), Buffer.alloc(300)])]) {
      writeFileSync(path, content)
      const { log: next, tornBytes } = await openLog({ folder: torn })
      // Zeros may be the last bytes of a batch.
      const kept = [end, middle, start].find((each) => content.subarray(0, each).equals(whole.subarray(0, each)))!
      expect(all(next), `cut at ${length}`).toEqual(whole.subarray(0, kept))
      expect(tornBytes > 0, `cut at ${length}`).toBe(content.subarray(kept).some((byte) => byte !== 0))
      const added = length % 10 === 0 ? [raftBatch(next.end.offset, 7)] : []
      await next.append(added)
      await close(next)
      expect(await contents(torn)).toEqual(Buffer.concat([whole.subarray(0, kept), bytesOf(added)]))
      // As it was before the write that was cut off.
      await setEnd(torn, { offset: 2, epoch: 1 })
    }
  }
  // Hundreds of syncs, on any disk.
}, 60_000)

async function setEnd(path: string, end: OffsetAndEpoch): Promise<void> {
  const mark = await SyncedEnd.open(path, { offset: 0, epoch: 0 }, end)
  await mark.close()
}

test('raft log file: a power failure may keep any part of a write of several batches', async () => {
  const before = raftBatches(0, 1, 2)
  const last = raftBatches(2, 1, 3)
  let torn = ''
  const { log } = await openLog({ atPoint: () => void (torn = copyFolder()) })
  await log.append(before)
  await log.append(last)
  const path = join(torn, segmentName(0))
  const whole = readFileSync(path)
  const mark = readFileSync(join(torn, 'synced-end'))
  const start = bytesOf(before).length
  const each = last[0]!.bytes.length
  for (let lost = 0; lost < 4; lost++) {
    const content = Buffer.from(whole)
    content.fill(0, start + lost * each, Math.min(start + (lost + 1) * each, start + 3 * each + 24))
    writeFileSync(path, content)
    writeFileSync(join(torn, 'synced-end'), mark)
    expect(await contents(torn), `batch ${lost}`).toEqual(whole.subarray(0, start + lost * each))
  }
})

test('raft log file: damage to any byte of a durable batch is refused with the file and the byte', async () => {
  const { log } = await openLog()
  const batches = [raftBatch(0, 1), raftBatch(1, 2, { records: 2 }), raftBatch(3, 6)]
  for (const batch of batches) await log.append([batch])
  const files = { killed: copyFolder(), closed: '' }
  await close(log)
  files.closed = copyFolder()
  for (const [state, copy] of Object.entries(files)) {
    const path = join(copy, segmentName(0))
    const whole = readFileSync(path)
    // The file of a killed process has a reserve, which takes time to write.
    for (let at = 0; at < bytesOf(batches).length; at += state === 'killed' ? 5 : 1) {
      const damaged = Buffer.from(whole)
      damaged[at]! ^= 0x10
      writeFileSync(path, damaged)
      const opening = openLog({ folder: copy })
      await expect(opening, `${state}, byte ${at}`).rejects.toThrow(RaftLogDamaged)
      await expect(opening).rejects.toThrow(/__cluster_metadata|copy-\d\/0{20}\.log is damaged (at|before) byte \d+ \(offset \d\)/)
    }
    for (const length of [0, 1, batches[0]!.bytes.length, bytesOf(batches).length - 1]) {
      writeFileSync(path, whole.subarray(0, length))
      await expect(openLog({ folder: copy }), `${state}, ${length} bytes`).rejects.toThrow('records below offset 4 were durable')
    }
  }
  // Hundreds of starts, on any disk.
}, 60_000)

test('raft log file: damage before a later write is refused, although the synced end is an earlier one', async () => {
  const { log } = await openLog()
  const batches = raftBatches(0, 1, 4)
  await log.append(batches.slice(0, 2))
  await log.append(batches.slice(2))
  const copy = copyFolder()
  await setEnd(copy, { offset: 0, epoch: 0 })
  const path = join(copy, segmentName(0))
  const whole = readFileSync(path)
  const each = batches[0]!.bytes.length
  whole[each + 70]! ^= 1
  writeFileSync(path, whole)
  await expect(openLog({ folder: copy })).rejects.toThrow(`is damaged at byte ${each} (offset 1): a later write begins at byte ${2 * each}`)
})

test('raft log file: without a whole file synced-end an unreadable tail is refused, and a whole log starts', async () => {
  const { log } = await openLog()
  const batches = raftBatches(0, 1, 3)
  await log.append(batches)
  await close(log)
  const copy = copyFolder()
  const mark = readFileSync(join(copy, 'synced-end'))
  const path = join(copy, segmentName(0))
  for (let length = 0; length <= mark.length; length++) {
    const damage = (): void => {
      if (length === mark.length) rmSync(join(copy, 'synced-end'))
      else writeFileSync(join(copy, 'synced-end'), mark.subarray(0, length))
    }
    writeFileSync(path, bytesOf(batches))
    damage()
    expect(await contents(copy)).toEqual(bytesOf(batches))
    expect(readFileSync(join(copy, 'synced-end'))).toEqual(mark)
    damage()
    writeFileSync(path, bytesOf(batches).subarray(0, -1))
    await expect(openLog({ folder: copy }), `${length} bytes`).rejects.toThrow('without a whole file synced-end')
  }
})

test('raft log file: a missing segment, or a missing log, is refused', async () => {
  const { log } = await openLog()
  for (let offset = 0; offset < 3; offset++) {
    await log.append([raftBatch(offset, 1)])
    await log.roll()
  }
  await close(log)
  const copy = copyFolder()
  rmSync(join(copy, segmentName(1)))
  await expect(openLog({ folder: copy })).rejects.toThrow(`${segmentName(0)} has no whole batch at byte`)
  for (const name of names(copy)) if (name.endsWith('.log')) rmSync(join(copy, name))
  await expect(openLog({ folder: copy })).rejects.toThrow('has no log segments, but records below offset 3 were durable')
  expect(await contents(copy, [{ offset: 3, epoch: 1 }])).toEqual(Buffer.alloc(0))
})

test('raft log file: without a checkpoint that reaches its start a log is refused', async () => {
  const { log } = await openLog()
  await log.append(raftBatches(0, 1, 2))
  await log.roll()
  await log.append(raftBatches(2, 4, 2))
  await log.dropBelow(2)
  expect([log.start, names(folder)]).toEqual([{ offset: 2, epoch: 1 }, [segmentName(2), 'synced-end']])
  await close(log)
  await expect(openLog()).rejects.toThrow('has no records between offset 0')
  await expect(openLog({ snapshots: [{ offset: 1, epoch: 1 }] })).rejects.toThrow('between offset 1')
  await expect(openLog({ snapshots: [{ offset: 4, epoch: 3 }] })).rejects.toThrow('log of epoch 4 at offset 4')
  await expect(openLog({ snapshots: [{ offset: 2, epoch: 5 }] })).rejects.toThrow('log of epoch 4 at offset 2')
  const { log: next } = await openLog({ snapshots: [{ offset: 2, epoch: 1 }] })
  expect([next.start, next.epochBefore(2), next.epochBefore(4)]).toEqual([{ offset: 2, epoch: 1 }, 1, 4])
})

test('raft log file: only whole segments are removed, and the start is the offset of the checkpoint', async () => {
  const { log } = await openLog()
  await log.append(raftBatches(0, 1, 4))
  await log.roll()
  await log.append(raftBatches(4, 2, 4))
  await log.dropBelow(3)
  expect([log.start, names(folder).length]).toEqual([{ offset: 3, epoch: 1 }, 3])
  expect(() => log.read(2, 8, 1)).toThrow('a read begins in the log')
  await log.dropBelow(6)
  expect([log.start, names(folder)]).toEqual([{ offset: 6, epoch: 2 }, [segmentName(4), 'synced-end']])
  expect(all(log)).toEqual(bytesOf(raftBatches(6, 2, 2)))
  await log.dropBelow(8)
  expect([log.start, log.end]).toEqual([{ offset: 8, epoch: 2 }, log.start])
  await expect(async () => log.dropBelow(7)).rejects.toThrow('the offset is in the log')
})

test('raft log file: batches that do not continue the log, and larger ones than the limit, are a bug of the caller', async () => {
  const { log } = await openLog()
  await log.append(raftBatches(0, 3, 1))
  expect(() => log.append([raftBatch(2, 3)])).toThrow('a batch begins at the end of the log')
  expect(() => log.append([raftBatch(1, 2)])).toThrow('epochs of a log do not decrease')
  const large = raftBatch(1, 3, { valueBytes: raftBatchBytesMax })
  expect(() => log.append([placeBatch(large.bytes, 1, 3)])).toThrow('a batch is within its limit')
  await log.append([raftBatch(1, 3, { records: 3 })])
  expect(() => log.truncateTo(2)).toThrow('a log is truncated at the start of a batch')
  await expect(async () => log.dropBelow(3)).rejects.toThrow('a log starts at the start of a batch')
})

/** Opens each state in which the process could have been killed. */
async function statesOf(
  work: (log: RaftLogFile) => Promise<void>,
  prepare: (log: RaftLogFile) => Promise<void>,
): Promise<[string, string][]> {
  const states: [string, string][] = []
  let isRecording = false
  const { log } = await openLog({ atPoint: (point) => void (isRecording && states.push([point, copyFolder()])) })
  await prepare(log)
  states.push(['before', copyFolder()])
  isRecording = true
  await work(log)
  isRecording = false
  states.push(['after', copyFolder()])
  return states
}

const prepared = async (log: RaftLogFile): Promise<void> => {
  for (const epoch of [1, 2, 3]) {
    await log.append(raftBatches(log.end.offset, epoch, 4))
    await log.roll()
  }
  await log.append(raftBatches(12, 3, 2))
}
const before = [...raftBatches(0, 1, 4), ...raftBatches(4, 2, 4), ...raftBatches(8, 3, 6)]

test('raft log file: a crash during a truncation leaves a prefix, and never the removed tail behind a new one', async () => {
  const added = raftBatches(5, 9, 2)
  const states = await statesOf(async (log) => {
    void log.truncateTo(5)
    await log.append(added)
  }, prepared)
  expect(states.map(([point]) => point)).toEqual([
    'before',
    'metadata log synced end lowered',
    'metadata log segment removed',
    'metadata log segment removed',
    'metadata log segment cut',
    'metadata log written',
    'after',
  ])
  for (const [point, path] of states) {
    const found = await contents(path)
    const former = bytesOf(before)
    const isPrefix = found.length >= bytesOf(before.slice(0, 5)).length && former.subarray(0, found.length).equals(found)
    expect(isPrefix || found.equals(bytesOf([...before.slice(0, 5), ...added])), point).toBe(true)
    if (point === 'after') expect(isPrefix).toBe(false)
  }
})

test('raft log file: a crash while a snapshot replaces the log is repeated by the next start', async () => {
  for (const id of [
    { offset: 20, epoch: 4 },
    { offset: 10, epoch: 5 },
  ]) {
    rmSync(folder, { recursive: true, force: true })
    const states = await statesOf((log) => log.reset(id), prepared)
    expect(states.filter(([point]) => point === 'metadata log segment removed')).toHaveLength(4)
    for (const [point, path] of states) {
      const { log } = await openLog({ folder: path, snapshots: [id] })
      expect([log.start, log.end, log.epochs], point).toEqual([id, id, []])
      expect(names(path)).toEqual([segmentName(id.offset), 'synced-end'])
      await log.append([raftBatch(id.offset, 9)])
      await close(log)
      expect(await contents(path, [id])).toEqual(raftBatch(id.offset, 9).bytes)
    }
  }
})

test('raft log file: a crash while a segment begins or old ones are removed loses nothing', async () => {
  const id = { offset: 9, epoch: 3 }
  const states = await statesOf(async (log) => {
    await log.roll()
    await log.append([raftBatch(14, 3)])
    await log.dropBelow(id.offset)
  }, prepared)
  expect(states.map(([point]) => point)).toContain('metadata log segment created')
  expect(states.filter(([point]) => point === 'metadata log segment removed')).toHaveLength(2)
  const whole = bytesOf([...before, raftBatch(14, 3)])
  for (const [point, path] of states) {
    const { log } = await openLog({ folder: path, snapshots: [id] })
    const start = log.start.offset
    expect([0, 9]).toContain(start)
    expect(log.read(start, 14, 2 ** 30), point).toEqual(bytesOf(before.slice(start)))
    expect(whole.includes(all(log))).toBe(true)
  }
})

test('raft log file: zeros are allocated behind the log for a full disk, and the sync of an append covers them', async () => {
  const { log } = await openLog()
  await log.append([raftBatch(0, 1)])
  const size = readFileSync(join(folder, segmentName(0))).length
  expect(size).toBeGreaterThan(256 << 10)
  for (let offset = 1; offset < 6; offset++) await log.append([raftBatch(offset, 1)])
  expect(readFileSync(join(folder, segmentName(0))).length).toBe(size)
})

test('raft log file: a failed write is reported once, and its call never resolves', async () => {
  const errors: Error[] = []
  const { log } = await openLog({
    failed: (error) => void errors.push(error),
    atPoint: (point) => {
      if (point === 'metadata log written') throw new Error('the disk is gone')
    },
  })
  let resolved = 0
  for (const batch of raftBatches(0, 1, 3)) void log.append([batch]).then(() => resolved++)
  await expect.poll(() => errors.length).toBe(1)
  void log.append([raftBatch(3, 1)]).then(() => resolved++)
  await expect.poll(() => log.end.offset).toBe(4)
  expect([resolved, log.syncedEnd, errors.map(({ message }) => message)]).toEqual([
    0,
    0,
    [`the metadata log ${folder} cannot be written: the disk is gone`],
  ])
})

test('raft log file: a trailer is valid only as a whole, and at the end of the write that it describes', () => {
  const trailer = encodeTrailer({ start: 10, end: 100 })
  const fileWith = (bytes: number, last: Buffer): Buffer => Buffer.concat([Buffer.alloc(bytes, 1), last, Buffer.alloc(50)])
  expect(trailerOf(fileWith(100, trailer))).toEqual({ start: 10, end: 100 })
  expect(trailerOf(fileWith(99, trailer))).toBeUndefined()
  expect(trailerOf(Buffer.concat([fileWith(100, trailer), Buffer.alloc(1, 1)]))).toBeUndefined()
  for (let at = 0; at < trailer.length; at++) {
    const damaged = Buffer.from(trailer)
    damaged[at]! ^= 1
    expect(trailerOf(fileWith(100, damaged)), `byte ${at}`).toBeUndefined()
  }
})

test.skipIf(smallDiskMissing() !== undefined)('raft log file: a full disk is reported, waited for, and loses nothing', async () => {
  const disk = new SmallDisk(1)
  try {
    folder = join(disk.path, '__cluster_metadata-0')
    const notified: boolean[] = []
    const { log } = await openLog({ room: new DiskRoom((_, isFull) => void notified.push(isFull)) })
    await log.append([raftBatch(0, 1)])
    disk.fill()
    const batches = Array.from({ length: 4 }, (_, index) => raftBatch(index + 1, 1, { valueBytes: 100 << 10 }))
    let appended = 0
    for (const batch of batches) void log.append([batch]).then(() => appended++)
    await expect.poll(() => notified).toEqual([true])
    expect(log.isFull).toBe(true)
    expect(appended).toBeLessThan(4)
    expect(all(log)).toEqual(bytesOf([raftBatch(0, 1), ...batches]))
    disk.free()
    await expect.poll(() => appended, { timeout: 5000 }).toBe(4)
    expect([notified, log.isFull]).toEqual([[true, false], false])
    await close(log)
    expect(await contents(folder)).toEqual(bytesOf([raftBatch(0, 1), ...batches]))
  } finally {
    disk.unmount()
  }
})
