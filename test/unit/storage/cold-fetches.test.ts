import { describe, expect, test } from 'vitest'
import { pageBytes } from '../../../src/base/page-pool.ts'
import type { LeasedRange, Loaded, WalRange } from '../../../src/ports/cold-reads.ts'
import type { BlockMemory } from '../../../src/ports/object-jobs.ts'
import { ColdFetches } from '../../../src/storage/cold-fetches.ts'
import type { LeasedRecords, ObjectReader } from '../../../src/storage/object-reader.ts'

const copies = { base: 8 * pageBytes, size: 8 * pageBytes }

/** Fetches from a WAL in which each byte is the position of its batch, and from a block cache that consists of the letter b. */
function world({ leasesMax = 0 } = {}) {
  const bytes = Buffer.alloc(copies.base + copies.size)
  bytes.fill('b', 0, copies.base)
  const memory: BlockMemory = { bytes, view: new DataView(bytes.buffer), base: 0, size: copies.base, copies }
  let own = 0
  let isOverwritten = false
  const read = (ranges: readonly WalRange[]): Buffer => Buffer.concat(ranges.map((range) => Buffer.alloc(range.bytes, range.position)))
  const jobs = {
    readWal: async (_: number, ranges: readonly WalRange[]) => {
      own++
      return new Uint8Array(read(ranges))
    },
    copyWal: async (_: number, ranges: readonly WalRange[], into: readonly LeasedRange[]) => {
      let at = 0
      for (const piece of into) at += read(ranges).copy(bytes, piece.address, at, at + piece.bytes)
      return !isOverwritten
    },
  }
  let leased = 0
  const cold = {
    leasesMax,
    lease: async (): Promise<LeasedRecords> => {
      leased++
      return { ranges: [{ address: 10, bytes: 3 * pageBytes }], end: 1, release: () => void leased-- }
    },
    copy: (records: LeasedRecords, into: readonly Uint8Array[]) => {
      for (const piece of into) piece.fill('b'.charCodeAt(0))
      records.release()
    },
  } as unknown as ObjectReader
  const fetches = new ColdFetches({
    cold,
    jobs,
    memory,
    time: { wall: () => 0, monotonic: () => 0, after: () => () => {} },
    onPressure: () => {},
  })
  const contents = (loaded: Loaded): Buffer =>
    'bytes' in loaded
      ? Buffer.from(loaded.bytes)
      : Buffer.concat(loaded.ranges.map((range) => bytes.subarray(range.address, range.address + range.bytes)))
  return {
    fetches,
    contents,
    get own() {
      return own
    },
    get leased() {
      return leased
    },
    overwrite: () => {
      isOverwritten = true
    },
  }
}

const loadedOf = (loaded: Loaded | 'outOfMemory' | undefined): Loaded => {
  if (loaded === undefined || loaded === 'outOfMemory') throw new Error('nothing is loaded')
  return loaded
}
const batch = (position: number, bytes = 2 * pageBytes): WalRange[] => [{ position, bytes }]

describe('cold fetches: copies of records', () => {
  test('of the log are in the memory for copies, however many answers are sent', async () => {
    const there = world()
    const { fetches, contents } = there
    for (let i = 0; i < 1000; i++) {
      const loaded = loadedOf(await fetches.ofLog(0, batch(i % 200), true))
      if (!('ranges' in loaded)) throw new Error('the answer has memory of its own')
      for (const { address, bytes } of loaded.ranges) {
        expect(address).toBeGreaterThanOrEqual(copies.base)
        expect(address + bytes).toBeLessThanOrEqual(copies.base + copies.size)
      }
      expect(contents(loaded).equals(Buffer.alloc(2 * pageBytes, i % 200))).toBe(true)
      fetches.release(loaded.pin)
    }
    expect(there.own).toBe(0)
  })

  test('stay unchanged until they are released, and a further read waits for that', async () => {
    const { fetches, contents } = world()
    const answers = await Promise.all([1, 2, 3, 4].map(async (i) => loadedOf(await fetches.ofLog(0, batch(i), true))))
    let later: Loaded | undefined
    const waiting = fetches.ofLog(0, batch(5), true).then((loaded) => {
      later = loadedOf(loaded)
    })
    await new Promise(setImmediate)
    expect(later).toBeUndefined()
    for (const [i, answer] of answers.entries()) expect(contents(answer).equals(Buffer.alloc(2 * pageBytes, i + 1))).toBe(true)
    fetches.release(answers[1]!.pin)
    await waiting
    expect(contents(later!).equals(Buffer.alloc(2 * pageBytes, 5))).toBe(true)
    expect(contents(answers[0]!).equals(Buffer.alloc(2 * pageBytes, 1))).toBe(true)
  })

  test('leave half of the memory to requests without records', async () => {
    const { fetches } = world()
    const find = (mayWait: boolean) => fetches.ofLog(0, batch(1), mayWait)
    const answers = [await find(false), await find(false)]
    expect(answers.includes('outOfMemory')).toBe(false)
    expect(await find(false)).toBe('outOfMemory')
    expect(loadedOf(await find(true)).pin).toBeGreaterThanOrEqual(0)
  })

  test('that are larger than the memory for copies take all of it, and have memory of their own', async () => {
    const there = world()
    const { fetches, contents } = there
    const large = batch(9, copies.size + 1)
    const small = loadedOf(await fetches.ofLog(0, batch(1, 1), true))
    expect(await fetches.ofLog(0, large, false)).toBe('outOfMemory')
    fetches.release(small.pin)
    const loaded = loadedOf(await fetches.ofLog(0, large, false))
    expect(contents(loaded).equals(Buffer.alloc(copies.size + 1, 9))).toBe(true)
    expect(await fetches.ofLog(0, batch(1, 1), false)).toBe('outOfMemory')
    fetches.release(loaded.pin)
    expect(await fetches.ofLog(0, batch(1, 1), false)).not.toBe('outOfMemory')
    expect(there.own).toBe(1)
  })

  test('release their memory when the log was overwritten during the read', async () => {
    const { fetches, overwrite } = world()
    overwrite()
    for (let i = 0; i < 100; i++) expect(await fetches.ofLog(0, batch(1), true)).toBeUndefined()
  })

  test('of objects replace leases above their maximum number', async () => {
    const there = world({ leasesMax: 1 })
    const { fetches, contents } = there
    const [leased, copied] = [loadedOf(await fetches.find(1, 0, 1, true)), loadedOf(await fetches.find(1, 0, 1, true))]
    expect('ranges' in leased && leased.ranges).toEqual([{ address: 10, bytes: 3 * pageBytes }])
    expect('ranges' in copied && copied.ranges[0]!.address).toBe(copies.base)
    expect(contents(copied).equals(Buffer.alloc(3 * pageBytes, 'b'))).toBe(true)
    expect(there.leased).toBe(1)
  })
})
