import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { describe, expect, test } from 'vitest'
import { createArena } from '../../../native-free-io/threads/arena.ts'
import { nodeCodecs } from '../../../native-free-io/threads/codecs.ts'
import { LargeWindow } from '../../../native-free-io/threads/large-window.ts'
import { decodingModule } from '../../../native-free-io/threads/validation-module.ts'
import { cleanBatch, type KeyHash, noteKeys } from '../../../src/objects/compaction/clean-batch.ts'
import { KeyMap, keyHashBytes } from '../../../src/objects/compaction/key-map.ts'
import { stepUnits, TimeSearch } from '../../../src/storage/time-search.ts'
import { buildBatch } from '../../../src/wire/batch-builder.ts'
import { attribute, type BatchHeader, batchAt, batchHeader, codecNames } from '../../../src/wire/record-batch.ts'
import { gzipBomb, lateMs, lz4Bomb, snappyBomb, zstdBomb, zstdBombBeforeLateRecord, zstdFar } from '../../support/bombs.ts'
import { root } from '../../support/root.ts'
import { sealed } from '../pipeline/validation/samples.ts'

const mebibyte = 1 << 20
const largeWindowData = { memory: createArena(16), batchBytesMax: 8 * mebibyte }
const hashOf: KeyHash = (key) => Buffer.concat([key, Buffer.alloc(keyHashBytes)]).subarray(0, keyHashBytes)
const times = [10n, 50n, 20n, 50n, 40n]
const records = times.map((timestamp) => ({ timestamp, key: Buffer.from('k'), value: Buffer.alloc(1000, 'v') }))
const largeWindow = new LargeWindow(
  () => new Worker(join(root, 'dist', 'workers', 'large-window.js'), { workerData: largeWindowData }),
  (worker) => worker.terminate(),
)
const search = new TimeSearch({
  decoder: decodingModule(),
  largeWindow,
  monotonic: () => performance.now(),
  nextTurn: () => new Promise(setImmediate),
})

describe.each(codecNames)('time-search: records in %s', (codec) => {
  const batch = buildBatch(records, { codec, codecs: nodeCodecs, baseOffset: 100n })
  const two = Buffer.concat([batch, buildBatch(records, { codec, codecs: nodeCodecs, baseOffset: 200n })])

  test.each([
    [0n, 100n, 100n, 10n],
    [11n, 0n, 101n, 50n],
    [11n, 102n, 102n, 20n],
    [21n, 102n, 103n, 50n],
    [45n, 104n, 201n, 50n],
  ])('the first of timestamp %d from offset %d on is at offset %d', async (timestamp, from, offset, found) => {
    expect(await search.first(two, from, timestamp)).toEqual({ offset, timestamp: found })
  })

  test('none is found where all are earlier, or below the start', async () => {
    expect(await search.first(two, 0n, 51n)).toBeUndefined()
    expect(await search.first(two, 205n, 0n)).toBeUndefined()
  })

  test.each([
    [0n, 101n, 50n],
    [102n, 103n, 50n],
    [104n, 201n, 50n],
    [204n, 204n, 40n],
  ])('the latest from offset %d on is at offset %d', async (from, offset, timestamp) => {
    expect(await search.latest(two, from, undefined)).toEqual({ offset, timestamp })
  })

  test('a latest record is kept where none is later', async () => {
    const best = { offset: 7n, timestamp: 50n }
    expect(await search.latest(two, 0n, best)).toBe(best)
    expect(await search.latest(two, 300n, undefined)).toBeUndefined()
  })

  test('records of the log append time have that of their batch, and offsets may have gaps', async () => {
    const changed = Buffer.from(batch)
    changed.writeInt16BE(changed.readInt16BE(batchHeader.attributes) | attribute.logAppendTime, batchHeader.attributes)
    changed.writeBigInt64BE(70n, batchHeader.maxTimestamp)
    expect(await search.first(sealed(changed), 102n, 60n)).toEqual({ offset: 102n, timestamp: 70n })
  })

  test('a batch that is cut off counts by its header, from the start of the log on', async () => {
    const cut = Buffer.from(batch.subarray(0, batch.length - 3))
    cut.writeInt32BE(cut.length - 12, batchHeader.batchLength)
    expect(await search.latest(sealed(cut), 102n, undefined)).toEqual({ offset: 102n, timestamp: 50n })
    expect(await search.first(cut, 104n, 45n)).toEqual({ offset: 104n, timestamp: 50n })
  })
})

test('time search: offsets may have gaps, which compaction leaves', async () => {
  const keys = new KeyMap(1 << 20)
  const rules = { keys, hash: hashOf, codecs: nodeCodecs, nowMs: 0, deleteRetentionMs: 0, producers: new Map<number, number>() }
  const old = buildBatch(
    ['a', 'b', 'a', 'c'].map((key, i) => ({ timestamp: BigInt(10 * i), key: Buffer.from(key), value: null })),
    { codec: 'lz4', baseOffset: 100n },
  )
  const header = batchAt(old, 0) as BatchHeader
  noteKeys(old, 0, header, 0, rules)
  const cleaned = cleanBatch(old, 0, header, rules) as Buffer
  expect(await search.first(cleaned, 0n, 0n)).toEqual({ offset: 101n, timestamp: 10n })
  expect(await search.first(cleaned, 102n, 0n)).toEqual({ offset: 102n, timestamp: 20n })
  expect(await search.latest(cleaned, 0n, undefined)).toEqual({ offset: 103n, timestamp: 30n })
})

/** Turns of the event loop beside some work. */
async function turnsBeside<T>(work: Promise<T>): Promise<{ result: T; turns: number; grownMib: number }> {
  const before = process.memoryUsage().rss
  let isOver = false
  const done = work.finally(() => (isOver = true))
  let [turns, peak] = [0, before]
  while (!isOver) {
    await new Promise<void>((resolve) => setImmediate(resolve))
    if (++turns % 64 === 0) peak = Math.max(peak, process.memoryUsage().rss)
  }
  return { result: await done, turns, grownMib: (peak - before) / mebibyte }
}

/** Least number of turns of a search with so much output, at one step a turn. The size of a step is approximate. */
const turnsFor = (bytes: number): number => Math.floor((0.75 * bytes) / stepUnits)

test('time-search: a batch that decodes to gigabytes is searched to its end, in steps and in a window', async () => {
  const bomb = zstdBombBeforeLateRecord(1800 * mebibyte)
  const base = bomb.readBigInt64BE(batchHeader.baseTimestamp)
  const { result, turns, grownMib } = await turnsBeside(search.first(bomb, 0n, base + 1n))
  expect(result).toEqual({ offset: 1n, timestamp: base + BigInt(lateMs) })
  expect(turns).toBeGreaterThanOrEqual(turnsFor(1800 * mebibyte))
  expect(grownMib).toBeLessThan(24)
})

test('time-search: large batches of every codec, searched side by side, neither wait for each other nor hold up the thread', async () => {
  const bombs = [
    gzipBomb(64 * mebibyte),
    lz4Bomb(64 * mebibyte),
    snappyBomb(64 * mebibyte),
    ...[1, 2, 3].map(() => zstdBomb(200 * mebibyte)),
  ]
  const small = buildBatch(records, { codec: 'lz4' })
  const ended: string[] = []
  const all = Promise.all(bombs.map((bomb) => search.latest(bomb, 0n, undefined).finally(() => ended.push('large'))))
  const found = search.latest(small, 0n, undefined).finally(() => ended.push('small'))
  const { result, turns } = await turnsBeside(all)
  expect(result.map((each) => each?.offset)).toEqual(bombs.map(() => 0n))
  expect(await found).toEqual({ offset: 1n, timestamp: 50n })
  expect(turns).toBeGreaterThanOrEqual(turnsFor((3 * 64 + 3 * 200) * mebibyte))
  expect(ended[0]).toBe('small')
})

test('time-search: batches that refer back far are searched by a thread of their own, one at a time, which ends afterwards', async () => {
  const bombs = [zstdFar(300 * mebibyte, 120 * mebibyte), zstdFar(150 * mebibyte, 100 * mebibyte)]
  const late = bombs[0]!.readBigInt64BE(batchHeader.maxTimestamp)
  const rss = process.memoryUsage().rss
  const { result, turns, grownMib } = await turnsBeside(Promise.all(bombs.map((bomb) => search.first(bomb, 0n, late))))
  expect(result).toEqual(bombs.map(() => ({ offset: 1n, timestamp: late })))
  // The steps are on another thread, so this one has many more turns than they have steps.
  expect(turns).toBeGreaterThan(turnsFor((300 + 150) * mebibyte))
  expect(grownMib).toBeGreaterThan(120)
  expect(grownMib).toBeLessThan(230)
  while (largeWindow.isRunning) await pause(20)
  await expect.poll(() => (process.memoryUsage().rss - rss) / mebibyte).toBeLessThan(60)
})
