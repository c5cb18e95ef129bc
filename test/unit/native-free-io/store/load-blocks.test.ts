import { expect, test } from 'vitest'
import { loadRuns, type RequestedRun } from '../../../../native-free-io/store/load-blocks.ts'
import { MemStore } from '../../../../native-free-io/store/mem-store.ts'
import { createArena, openArena } from '../../../../native-free-io/threads/arena.ts'
import { isFault } from '../../../../src/object-store/store-faults.ts'
import { spanOf } from '../../../../src/objects/block-runs.ts'
import { kernel, kernelBytes } from '../../../../src/pipeline/kernel/kernel.ts'
import type { StoreFault } from '../../../../src/ports/object-store.ts'
import { segmentRow } from '../../../../src/ports/segment-rows.ts'
import { crc32c } from '../../../../src/wire/crc32c.ts'
import { batchOf, segmentOf } from '../../../support/segment.ts'

const memory = createArena(16)
const { crc, copy } = kernel(memory)
const room = { ...openArena(memory), crc: (address: number, bytes: number) => crc(address, bytes, 0), move: copy }
const address = kernelBytes + 1000

/** A store of one segment whose first answers are damaged, one bit each, at this position. */
async function storeOf(name: string, data: Buffer, damage = { times: 0, position: 0 }) {
  const store = new MemStore({ scheme: 'mem', name: `load-blocks ${name}` })
  await store.put('o', [data])
  const get = store.get.bind(store)
  let left = damage.times
  const gets: [number, number][] = []
  store.get = async (key, start, end, into) => {
    gets.push([start, end])
    const found = await get(key, start, end, into)
    const isHit = start <= damage.position && end > damage.position
    if (!isFault(found) && isHit && left-- > 0) found[damage.position - start]! ^= 1
    return found
  }
  return { store, gets }
}

function runsOfRows(rows: Float64Array, lengths: readonly number[]): RequestedRun[] {
  const blocks = Array.from({ length: rows.length / segmentRow.columns }, (_, index) => {
    const row = rows.subarray(index * segmentRow.columns)
    return {
      baseOffset: row[segmentRow.baseOffset]!,
      end: row[segmentRow.end]!,
      position: row[segmentRow.position]!,
      bytes: row[segmentRow.bytes]!,
      crc: null,
    }
  })
  let at = 0
  let next = address
  return lengths.map((length) => {
    const run = { address: next, blocks: blocks.slice(at, at + length) }
    at += length
    next += spanOf(run.blocks)
    return run
  })
}

const batches = [50_000, 10, 3000, 20_000, 1].map((bytes, offset) => batchOf(1, offset, bytes))
const { data, rows } = segmentOf(batches, (index) => [56, 8, 4000, 100_000, 700, 0][index]!)
const together = (some: typeof batches): Buffer => Buffer.concat(some.map(({ batch }) => batch))

test('load of blocks: the blocks of a run are in the cache without their gaps, and each run is one request', async () => {
  const { store, gets } = await storeOf('gaps', data)
  const runs = runsOfRows(rows, [3, 2])
  expect(await loadRuns(store, 'o', runs, room)).toBeUndefined()
  expect(gets).toEqual(runs.map(({ blocks }) => [blocks[0]!.position, blocks[0]!.position + spanOf(blocks)]))
  for (const [index, part] of [batches.slice(0, 3), batches.slice(3)].entries()) {
    const expected = together(part)
    const { address: at } = runs[index]!
    expect(Buffer.compare(room.bytes.subarray(at, at + expected.length), expected)).toBe(0)
  }
})

test('load of blocks: sorted blocks with a checksum in the index are left where they are', async () => {
  const { store } = await storeOf('sorted', data)
  const blocks = [0, 500].map((position) => ({
    ...{ baseOffset: 0, end: 1, position, bytes: 500 },
    crc: crc32c(data, position, position + 500) | 0,
  }))
  expect(await loadRuns(store, 'o', [{ address, blocks }], room)).toBeUndefined()
  expect(Buffer.compare(room.bytes.subarray(address, address + 1000), data.subarray(0, 1000))).toBe(0)
})

test('load of blocks: a bit that flips in a batch on the way is read again; in a gap it has no effect', async () => {
  const position = rows[segmentRow.columns + segmentRow.position]! + 70
  const flipped = await storeOf('flipped', data, { times: 2, position })
  expect(await loadRuns(flipped.store, 'o', runsOfRows(rows, [3]), room)).toBeUndefined()
  expect(flipped.gets).toHaveLength(3)
  const expected = together(batches.slice(0, 3))
  expect(Buffer.compare(room.bytes.subarray(address, address + expected.length), expected)).toBe(0)
  const gap = await storeOf('gap', data, { times: 1, position: rows[2 * segmentRow.columns + segmentRow.position]! - 1 })
  expect(await loadRuns(gap.store, 'o', runsOfRows(rows, [3]), room)).toBeUndefined()
  expect(gap.gets).toHaveLength(1)
})

test('load of blocks: one damaged batch is a fault of the load, after all requests have ended', async () => {
  const position = rows[segmentRow.columns + segmentRow.position]! + 70
  const { store, gets } = await storeOf('damaged', data, { times: 1000, position })
  const fault = (await loadRuns(store, 'o', runsOfRows(rows, [3, 2]), room)) as StoreFault
  expect(fault).toMatchObject({ fault: 'corrupt', operation: 'get', key: 'o', attempts: 3 })
  expect(gets).toHaveLength(4)
})

test('load of blocks: a segment that ends within a batch is a fault', async () => {
  const { store } = await storeOf('short', data.subarray(0, data.length - 1))
  expect(await loadRuns(store, 'o', runsOfRows(rows, [3, 2]), room)).toMatchObject({ fault: 'corrupt' })
})
