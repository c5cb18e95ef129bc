import { describe, expect, test } from 'vitest'
import { nodeCodecs } from '../../../native-free-io/threads/codecs.ts'
import { Partition } from '../../../src/partition/partition.ts'
import { Appender } from '../../../src/pipeline/sequencing/appender.ts'
import { LogCache } from '../../../src/pipeline/sequencing/log-cache.ts'
import { Repacker } from '../../../src/pipeline/sequencing/repacker.ts'
import { alignBlock, blockBytes, walRecord } from '../../../src/wal/wal-record.ts'
import { type Recovered, type RecoverySource, recover, WalCorrupt } from '../../../src/wal/wal-recovery.ts'
import { buildBatch } from '../../../src/wire/batch-builder.ts'
import { now, settings } from '../pipeline/sequencing/lane-world.ts'
import { smallArena } from '../pipeline/sequencing/small-arena.ts'

const logBytes = 1 << 20
const capacity = 2 << 20
const arena = smallArena({ log: logBytes, receive: 1 << 20 })
const secret = 0xc0ffee
const { base } = arena.plan.lanes[0]!.log

interface Written {
  /** The file, and where each batch's record begins and ends in it. */
  readonly disk: Buffer
  readonly records: { readonly at: number; readonly end: number }[]
  readonly end: number
}

/**
 * A log of groups of batches, each batch by the bytes of its value. Every group is durable before the next, but for the
 * last `inFlight` ones.
 */
function written(
  groups: readonly (readonly number[])[],
  options: { inFlight?: number; startState?: Recovered; disk?: Buffer; incarnation?: number } = {},
): Written {
  const { inFlight = 1, startState, incarnation = 1 } = options
  const { view, kernel, plan, bytes } = arena
  const disk = options.disk ?? Buffer.alloc(capacity)
  const position = startState?.position ?? 0
  if (startState === undefined) bytes.fill(0, base, base + logBytes)
  const memory = new LogCache({ ...plan.lanes[0]!.log, capacity, position, oldest: startState?.oldest ?? 0, trimmed: 0 }, (from, to) =>
    appender.jump(from, to),
  )
  const wal = { incarnation, secret, previous: Math.max(0, startState?.previous ?? 0) }
  const repacker = new Repacker(bytes, nodeCodecs)
  const appender = new Appender({ kernel, view, memory, repacker, scratch: plan.lanes[0]!.scratch, wal })
  appender.setDurable(position)
  const partition = new Partition(1)
  partition.adopt({ partitionId: 1, leaderEpoch: 3, logStartOffset: 0n, settings }, startState?.records ?? 0, [])
  const records: { at: number; end: number }[] = []
  const { base: receive } = plan.network[0]!.receive
  for (const [index, group] of groups.entries()) {
    const from = memory.end
    for (const size of group) {
      const batch = buildBatch([{ timestamp: BigInt(now), value: Buffer.alloc(size, records.length + 1) }])
      batch.copy(bytes, receive)
      appender.append(partition, receive, batch.length, 0, now)
      expect(appender.outcome.error).toBe(0)
      records.push({
        at: partition.index.position(partition.index.length - 1) - walRecord.bytes,
        end: partition.index.end(partition.index.length - 1),
      })
    }
    const to = memory.closeGroup()
    bytes.copy(disk, from, base + from, base + to)
    if (index < groups.length - inFlight) {
      memory.setDurable(to)
      appender.setDurable(to)
    }
  }
  return { disk, records, end: memory.end }
}

/** The base offsets of what is recovered, and where the log continues. */
function recovered(
  disk: Buffer,
  incarnation = 2,
  window = logBytes,
  more: Partial<RecoverySource> = {},
): Recovered & { offsets: number[] } {
  const offsets: number[] = []
  const found = recover(
    {
      trimmed: 0,
      previous: 0,
      previousIncarnation: 0,
      capacity,
      secret,
      incarnation,
      window,
      base,
      view: arena.view,
      crc: arena.kernel.crc,
      sumBatches: true,
      readBytes: 64 << 10,
      searchBase: arena.plan.lanes[0]!.staging.base,
      read: (address, count, position) => disk.copy(arena.bytes, address, position % capacity, (position % capacity) + count),
      ...more,
    },
    ({ baseOffset }) => offsets.push(baseOffset),
  )
  return { ...found, offsets }
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i)
const groups = [[100, 300], [5000], [40, 40, 9000], [700]]

test('WAL recovery: an empty log is recovered as one', () => {
  expect(recovered(Buffer.alloc(capacity))).toMatchObject({ position: 0, previous: -1, records: 0, offsets: [] })
})

test('WAL recovery: a whole log is recovered, and continues at the next block', () => {
  const { disk, records, end } = written(groups)
  expect(recovered(disk)).toMatchObject({ position: end, previous: records.at(-1)!.at, records: 7, offsets: upTo(7) })
  expect(recovered(disk)).toEqual(recovered(disk))
})

test('WAL recovery: a log that was written with more memory is rejected when a record does not fit, and not cut off in front of it', () => {
  const { disk } = written([[100_000], [100_000], [100_000]])
  expect(recovered(disk, 2, logBytes).records).toBe(3)
  expect(() => recovered(disk, 2, 256 << 10)).toThrow(/larger s3.wal.cache.size/)
})

describe('WAL recovery: damage in front of what was durable later is never passed over', () => {
  const cases: [string, (disk: Buffer, at: number, end: number) => void][] = [
    ['its header', (disk, at) => disk.fill(0xff, at + 20, at + 21)],
    ['its magic', (disk, at) => disk.fill(0, at, at + 1)],
    ['the header of its batch', (disk, at) => disk.fill(0x55, at + walRecord.bytes + 30, at + walRecord.bytes + 31)],
    ['its base offset', (disk, at) => disk.fill(9, at + walRecord.bytes + 7, at + walRecord.bytes + 8)],
    ['its leader epoch', (disk, at) => disk.fill(9, at + walRecord.bytes + 15, at + walRecord.bytes + 16)],
    ['its last byte', (disk, _, end) => disk.fill(0x77, end - 1, end)],
    [
      'its page, zeroed',
      (disk, at) => disk.fill(0, Math.floor(at / blockBytes) * blockBytes, Math.floor(at / blockBytes) * blockBytes + blockBytes),
    ],
  ]
  // The group of the last three is durable, by the header of the record behind it.
  for (const [what, harm] of cases) {
    test.each(upTo(6))(`of record %i: ${what}`, (index) => {
      const { disk, records } = written(groups)
      harm(disk, records[index]!.at, records[index]!.end)
      expect(() => recovered(disk)).toThrow(WalCorrupt)
    })
  }
})

test('WAL recovery: the last group may be cut anywhere, and the records before it remain', () => {
  const { disk, records, end } = written(groups)
  const from = alignBlock(records[5]!.end)
  for (let cut = from; cut < end; cut += 512) {
    const torn = Buffer.from(disk)
    torn.fill(0xdb, cut, end)
    const found = recovered(torn)
    expect({ cut, offsets: found.offsets }).toEqual({ cut, offsets: cut >= records[6]!.end ? upTo(7) : upTo(6) })
    expect(found.position).toBe(cut >= records[6]!.end ? end : from)
  }
})

test('WAL recovery: bytes lost in a crash are counted only by the next incarnation', () => {
  const { disk, records } = written(groups)
  expect(recovered(disk).tornBytes).toBe(0)
  const { at, end } = records[6]!
  const torn = Buffer.from(disk)
  torn.fill(0x77, end - 1, end)
  const found = recovered(torn)
  expect(found.records).toBe(6)
  expect(found.tornBytes).toBe(Math.ceil(end / 8) * 8 - Math.ceil(records[5]!.end / 8) * 8)
  expect(found.tornBytes).toBeGreaterThan(end - at - 1)
  expect(recovered(torn, 3).tornBytes).toBe(0)
})

test('any sector of what is in flight may be lost: a prefix is recovered, and never an error', () => {
  const { disk, records, end } = written(
    [
      [100, 300],
      [2000, 100],
      [100, 100, 9000],
      [50, 60],
    ],
    { inFlight: 3 },
  )
  const from = alignBlock(records[1]!.end)
  for (let sector = from; sector < end; sector += 512) {
    const torn = Buffer.from(disk)
    torn.fill(0, sector, sector + 512)
    const { offsets } = recovered(torn)
    const whole = records.findIndex(({ at, end: to }) => at < sector + 512 && sector < to)
    expect({ sector, offsets }).toEqual({ sector, offsets: upTo(whole < 0 ? records.length : whole) })
  }
})

test('WAL recovery: a torn record is not followed by older records of an earlier incarnation', () => {
  const first = written([[100], [1000, 1000, 1000]])
  const torn = first.disk
  torn.fill(0, first.records[1]!.at, first.records[1]!.at + 64)
  const startState = recovered(torn)
  expect(startState.offsets).toEqual([0])
  // As long as the torn record: an intact record follows it that was never acknowledged.
  const second = written([[1000]], { startState, disk: torn, incarnation: 2 })
  expect(second.records[0]!.at).toBe(first.records[1]!.at)
  expect(recovered(second.disk, 3).offsets).toEqual([0, 1])
})

test('WAL recovery: a record of an earlier lap, or of a later incarnation, is rejected', () => {
  const { disk, records } = written(groups)
  const moved = Buffer.alloc(capacity)
  disk.copy(moved, 0, blockBytes, capacity)
  expect(recovered(moved).offsets).toEqual([])
  expect(records.length).toBe(7)
  expect(recovered(disk, 0).offsets).toEqual([])
})

describe('WAL recovery: a hole in what was durable', () => {
  const large = Array.from({ length: 10 }, () => [100_000])

  test('is found when it is larger than half of log memory, and what was read before it stays in memory', () => {
    const { disk, records } = written(large)
    const hole = Buffer.from(disk)
    hole.fill(0, records[2]!.at, records[8]!.end)
    expect(records[8]!.end - records[2]!.at).toBeGreaterThan(logBytes / 2)
    expect(() => recovered(hole)).toThrow(/s3\.wal\.loss\.accept=true/)
    const found = recovered(hole, 2, logBytes, { discardsDamage: true })
    expect(found).toMatchObject({ offsets: [0, 1], damage: { durable: alignBlock(records[8]!.end) } })
    const { oldest, position } = found
    expect(oldest).toBeLessThanOrEqual(Math.max(0, position - logBytes / 2))
    expect(arena.bytes.subarray(base + oldest, base + position).equals(hole.subarray(oldest, position))).toBe(true)
  })

  test('that was accepted is not found again by later incarnations', () => {
    const { disk, records } = written(large)
    disk.fill(0, records[2]!.at, records[3]!.end)
    const startState = recovered(disk, 2, logBytes, { discardsDamage: true })
    const mark = { secret, incarnation: 2, durable: startState.position }
    expect(recovered(disk, 3, logBytes, { mark })).toMatchObject({ offsets: [0, 1], damage: undefined })
    expect(() => recovered(disk, 3, logBytes, { mark: { ...mark, secret: 1 } })).toThrow(WalCorrupt)
    const next = written([[500], [500]], { startState: recovered(disk, 2, logBytes, { mark }), disk, incarnation: 2 })
    expect(recovered(next.disk, 3, logBytes, { mark })).toMatchObject({ offsets: [0, 1, 2, 3], damage: undefined })
    // Records that were durable in that incarnation are counted again.
    next.disk.fill(0, next.records[0]!.at, next.records[0]!.at + 64)
    expect(() => recovered(next.disk, 3, logBytes, { mark })).toThrow(WalCorrupt)
  })
})
