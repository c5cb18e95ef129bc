import { expect, test } from 'vitest'
import { Concurrency } from '../../../src/object-store/concurrency.ts'
import { pauseBefore, retryTable } from '../../../src/object-store/retry-policy.ts'
import { faultTable } from '../../../src/object-store/store-faults.ts'

const first = { fault: 'unavailable', tries: 1, elapsedMs: 0, totalMs: 30_000, random: 0.999 } as const

test('retry policy: pauses double up to their bound, and a store that is throttled is given longer ones', () => {
  const pauses = (fault: 'unavailable' | 'throttled') =>
    Array.from({ length: 9 }, (_, i) => pauseBefore(retryTable.put, { ...first, fault, tries: i + 1 }))
  expect(pauses('unavailable')).toEqual([49, 99, 199, 399, 799, 1598, 3196, 4995, 4995])
  expect(pauses('throttled')).toEqual([199, 399, 799, 1598, 3196, 4995, 4995, 4995, 4995])
  expect(pauseBefore(retryTable.put, { ...first, random: 0 })).toBe(0)
})

test('retry policy: there is a last try and a last moment', () => {
  expect(pauseBefore(retryTable.put, { ...first, tries: retryTable.put.triesMax })).toBeUndefined()
  expect(pauseBefore(retryTable.put, { ...first, elapsedMs: 29_990 })).toBeUndefined()
  expect(pauseBefore(retryTable.put, { ...first, fault: 'expired', tries: 3 })).toBeUndefined()
})

test.each(Object.entries(faultTable))('retry policy: the table decides whether %s is retried', (fault, { retry }) => {
  const pause = pauseBefore(retryTable.get, { ...first, fault: fault as keyof typeof faultTable })
  expect(pause !== undefined).toBe(retry)
})

test('retry policy: throttling halves the concurrency once for all requests in flight, and it grows again round by round', () => {
  const concurrency = new Concurrency(64)
  const together = Array.from({ length: 64 }, () => concurrency.begin()!)
  expect(concurrency.begin()).toBeUndefined()
  for (const ticket of together) concurrency.end(ticket, true)
  expect(concurrency.limit).toBe(32)
  for (let i = 0; i < 32; i++) concurrency.end(concurrency.begin()!, false)
  expect(concurrency.limit).toBe(32)
  for (let i = 0; i < 2; i++) concurrency.end(concurrency.begin()!, false)
  expect(concurrency.limit).toBe(33)
  for (let i = 0; i < 20; i++) concurrency.end(concurrency.begin()!, true)
  expect(concurrency.limit).toBe(1)
  expect(concurrency.running).toBe(0)
})
