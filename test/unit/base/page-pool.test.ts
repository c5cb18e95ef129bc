import { expect, test } from 'vitest'
import { PagePool, type PageRun, pageBytes } from '../../../src/base/page-pool.ts'
import { Pieces } from '../../../src/base/pieces.ts'
import { below, prng } from '../../../src/base/prng.ts'

const total = (runs: readonly PageRun[]): number => runs.reduce((sum, { bytes }) => sum + bytes, 0)

test('page pool: allocations never overlap, and all memory is free after their release', () => {
  const [base, pages] = [3 * pageBytes, 64]
  const pool = new PagePool(base, pages * pageBytes)
  const random = prng(7)
  const owners = new Uint8Array(pages)
  const taken: PageRun[][] = []
  let refused = 0
  for (let step = 0; step < 5000; step++) {
    if (below(random, 2) === 0 && taken.length > 0) {
      const [runs] = taken.splice(below(random, taken.length), 1)
      for (const page of pagesOf(runs!, base)) owners[page] = 0
      pool.release(runs!)
    } else {
      const bytes = 1 + below(random, 20 * pageBytes)
      const free = pool.freeBytes
      const runs = pool.take(bytes)
      expect(runs !== undefined).toBe(Math.ceil(bytes / pageBytes) * pageBytes <= free)
      if (runs === undefined) refused++
      else {
        expect(total(runs)).toBe(bytes)
        for (const page of pagesOf(runs, base)) {
          expect(owners[page]).toBe(0)
          owners[page] = 1
        }
        taken.push(runs)
      }
    }
    expect(pool.freeBytes).toBe(owners.filter((owner) => owner === 0).length * pageBytes)
  }
  expect(refused).toBeGreaterThan(100)
  for (const runs of taken) pool.release(runs)
  expect(pool.take(pages * pageBytes)).toEqual([{ address: base, bytes: pages * pageBytes }])
})

const pagesOf = (runs: readonly PageRun[], base: number): number[] =>
  runs.flatMap(({ address, bytes }) => Array.from({ length: Math.ceil(bytes / pageBytes) }, (_, i) => (address - base) / pageBytes + i))

test('page pool: takes no page when fewer bytes than required would remain', () => {
  const pool = new PagePool(0, 4 * pageBytes)
  expect(pool.take(2 * pageBytes + 1, 2 * pageBytes)).toBeUndefined()
  expect(pool.freeBytes).toBe(4 * pageBytes)
  expect(pool.take(2 * pageBytes, 2 * pageBytes)).toEqual([{ address: 0, bytes: 2 * pageBytes }])
})

test('page pool: reuses the lowest pages, so that untouched pages stay untouched', () => {
  const pool = new PagePool(0, 1024 * pageBytes)
  for (let i = 0; i < 100; i++) {
    const runs = pool.take(3 * pageBytes)!
    expect(runs).toEqual([{ address: 0, bytes: 3 * pageBytes }])
    pool.release(runs)
  }
})

test('pieces: are filled in order, and reject bytes that they have no room for', () => {
  const memory = [Buffer.alloc(3), Buffer.alloc(5)]
  const pieces = new Pieces(memory)
  expect(pieces.write(Buffer.from('ab')).map(String)).toEqual(['ab'])
  expect(pieces.write(Buffer.from('cdef')).map(String)).toEqual(['c', 'def'])
  expect(pieces.isFull).toBe(false)
  expect(() => pieces.write(Buffer.from('ghi'))).toThrow('room for all bytes')
  expect(String(Buffer.concat(memory).subarray(0, 6))).toBe('abcdef')
})
