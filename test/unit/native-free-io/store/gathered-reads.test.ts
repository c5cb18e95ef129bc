import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { counted } from '../../../../native-free-io/store/counted.ts'
import { FileStore } from '../../../../native-free-io/store/file-store.ts'
import { readsOf } from '../../../../native-free-io/store/gathered-reads.ts'
import { loadRuns } from '../../../../native-free-io/store/load-blocks.ts'
import { below, prng } from '../../../../src/base/prng.ts'
import { spanOf } from '../../../../src/objects/block-runs.ts'
import { segmentRow } from '../../../../src/ports/segment-rows.ts'
import { crc32c } from '../../../../src/wire/crc32c.ts'
import { batchOf, segmentOf } from '../../../support/segment.ts'

const kib = 1 << 10
const pieceAt = (position: number, bytes: number) => ({ position, into: new Uint8Array(bytes) })
const data = Buffer.from(Array.from({ length: 300_000 }, (_, index) => Math.imul(index, 2654435761) >>> 24))
let folder = ''
let store: FileStore

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'gathered-'))
  store = new FileStore({ scheme: 'file', folder })
  await store.put('o', [data])
})
afterAll(() => rmSync(folder, { recursive: true }))

test('gathered reads: pieces with small gaps are one read up to its limit, and a large piece has several reads', () => {
  const pieces = [pieceAt(0, 10), pieceAt(10, 10), pieceAt(20 + 64 * kib, 10), pieceAt(31 + 128 * kib, 10), pieceAt(200 * kib, 100)]
  const reads = (limit: number) => [...readsOf(pieces, limit)].map(({ position, bytes, parts }) => [position, bytes, parts.length])
  expect(reads(256 * kib)).toEqual([
    [0, 30 + 64 * kib, 3],
    [31 + 128 * kib, 10, 1],
    [200 * kib, 100, 1],
  ])
  expect(reads(64)).toEqual([
    [0, 20, 2],
    [20 + 64 * kib, 10, 1],
    [31 + 128 * kib, 10, 1],
    [200 * kib, 64, 1],
    [200 * kib + 64, 36, 1],
  ])
  expect([...readsOf([], 10)]).toEqual([])
})

test('gathered reads: random pieces of a file contain its bytes', async () => {
  const random = prng(7)
  for (let round = 0; round < 50; round++) {
    const pieces: { position: number; into: Uint8Array }[] = []
    for (let at = below(random, 5000); ; ) {
      const bytes = 1 + below(random, below(random, 10) === 0 ? 100_000 : 500)
      if (at + bytes > data.length) break
      pieces.push(pieceAt(at, bytes))
      at += bytes + below(random, below(random, 3) === 0 ? 90_000 : 400)
    }
    expect(await store.gather('o', pieces)).toBe(true)
    const wrong = pieces.filter(({ position, into }) => Buffer.compare(into, data.subarray(position, position + into.length)) !== 0)
    expect(wrong).toEqual([])
  }
})

test('gathered reads: simultaneous reads of one store do not mix', async () => {
  const pieces = Array.from({ length: 8 }, (_, reader) =>
    Array.from({ length: 20 }, (_, index) => pieceAt(reader * 100 + index * 9000, 300)),
  )
  expect(await Promise.all(pieces.map((some) => store.gather('o', some)))).toEqual(pieces.map(() => true))
  for (const { position, into } of pieces.flat()) expect(Buffer.compare(into, data.subarray(position, position + 300))).toBe(0)
})

test('gathered reads: the end of the file within a piece is reported, and a missing file is a fault', async () => {
  expect(await store.gather('o', [pieceAt(0, 10), pieceAt(data.length - 5, 6)])).toBe(false)
  expect(await store.gather('o', [pieceAt(data.length - 90_000, 10), pieceAt(data.length + 5, 6)])).toBe(false)
  expect(await store.gather('none', [pieceAt(0, 10)])).toMatchObject({ fault: 'missing', operation: 'get', key: 'none' })
})

test('gathered reads: a load of many runs from a folder is one request, and detects a damaged batch', async () => {
  const batches = Array.from({ length: 30 }, (_, offset) => batchOf(1, offset, 3000))
  const segment = segmentOf(batches, (index) => (index % 3 === 0 ? 20_000 : 56))
  await store.put('segment', [segment.data])
  const bytes = Buffer.alloc(1 << 20)
  const room = {
    ...{ bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length) },
    crc: (at: number, size: number) => crc32c(bytes, at, at + size) | 0,
    move: () => {
      throw new Error('gathered blocks are read to their final address')
    },
  }
  const blocks = batches.map(({ batch }, index) => {
    const row = segment.rows.subarray(index * segmentRow.columns)
    return { baseOffset: index, end: index + 1, position: row[segmentRow.position]!, bytes: batch.length, crc: null }
  })
  let next = 100
  const runs = Array.from({ length: 10 }, (_, index) => {
    const run = { address: next, blocks: blocks.slice(index * 3, index * 3 + 3) }
    next += spanOf(run.blocks)
    return run
  })
  const counts = new Map<string, number>()
  const metered = counted(store, { add: (row, by) => void counts.set(row, (counts.get(row) ?? 0) + by) })
  expect(await loadRuns(metered, 'segment', runs, room)).toBeUndefined()
  expect(counts.get('get')).toBe(1)
  expect(counts.get('receivedBytes')).toBe(blocks.reduce((sum, block) => sum + block.bytes, 0))
  for (const [index, { address }] of runs.entries()) {
    const expected = Buffer.concat(batches.slice(index * 3, index * 3 + 3).map(({ batch }) => batch))
    expect(Buffer.compare(bytes.subarray(address, address + expected.length), expected)).toBe(0)
  }
  segment.data[blocks[20]!.position + 100]! ^= 1
  await store.put('segment', [segment.data])
  expect(await loadRuns(metered, 'segment', runs, room)).toMatchObject({
    ...{ fault: 'corrupt', key: 'segment', attempts: 3 },
    detail: expect.stringContaining(`${blocks[20]!.bytes} bytes at ${blocks[20]!.position}`),
  })
})
