import { expect, test } from 'vitest'
import { below, chance, prng } from '../../../src/base/prng.ts'
import { PutBudget } from '../../../src/wal/s3/put-budget.ts'

const windowMs = 60_000

/** A budget on a clock that the test sets. */
function world(intervalMs: number, startMs = 0): { readonly clock: { ms: number }; readonly budget: PutBudget } {
  const clock = { ms: startMs }
  return { clock, budget: new PutBudget(intervalMs, () => clock.ms) }
}

/** Times of puts of a client that always has records, until an end. */
function busy(intervalMs: number, endMs: number): number[] {
  const { clock, budget } = world(intervalMs)
  const times: number[] = []
  while (clock.ms < endMs) {
    if (budget.waitMs > 0) clock.ms += Math.ceil(budget.waitMs)
    else {
      budget.take()
      times.push(clock.ms)
    }
  }
  return times
}

test.each([1, 2, 3, 4, 5, 6])(
  'put budget: every period has at most the rate times its length, and one bucket, of puts, seed %i',
  (seed) => {
    const random = prng(seed)
    const intervalMs = [1000, 250, 999, 60_000, 40_000, 7001][seed - 1]!
    const { clock, budget } = world(intervalMs, below(random, 2 ** 31) * 1024)
    const times: number[] = []
    for (let step = 0; step < 4000; step++) {
      clock.ms += chance(random, 20) ? below(random, 3 * windowMs) : below(random, 2 * intervalMs) / 7
      if (chance(random, 300)) clock.ms += budget.waitMs
      if (budget.waitMs > 0) continue
      budget.take()
      times.push(clock.ms)
    }
    for (let first = 0; first < times.length; first++) {
      for (let last = first; last < times.length; last++) {
        const allowed = windowMs / intervalMs + (times[last]! - times[first]!) / intervalMs
        if (last - first + 1 > allowed + 1e-6) expect.fail(`${last - first + 1} puts in ${times[last]! - times[first]!} ms`)
      }
    }
  },
)

test('put budget: a busy client has the tokens of one minute and then one put for each interval, for a day without drift', () => {
  const dayMs = 24 * 3600 * 1000
  const times = busy(250, dayMs)
  expect(times.length).toBeLessThanOrEqual(240 + dayMs / 250)
  expect(times.length).toBeGreaterThan(dayMs / 250)
  expect(times.at(-1)! - times.at(-1001)!).toBe(1000 * 250)
})

test('put budget: the pauses of a busy client become longer, not suddenly', () => {
  const times = busy(250, 120_000)
  const pauses = times.slice(1).map((time, index) => time - times[index]!)
  expect(pauses.slice(0, 10)).toEqual(pauses.slice(0, 10).fill(0))
  expect(Math.max(...pauses)).toBeLessThanOrEqual(250)
  for (let at = 1; at < pauses.length; at++) expect(pauses[at]! - pauses[at - 1]!).toBeLessThanOrEqual(5)
  // A burst of half of the bucket is much faster than the rate.
  expect(times[120]).toBeLessThan(120 * 250 * 0.15)
})

test('put budget: an idle or lightly loaded node never waits', () => {
  const { clock, budget } = world(250)
  for (let put = 0; put < 2000; put++, clock.ms += 300) {
    expect(budget.waitMs).toBe(0)
    budget.take()
  }
})

test('put budget: puts that do not wait leave the bucket empty, and not less', () => {
  const { clock, budget } = world(250)
  for (let put = 0; put < 10_000; put++) budget.take()
  expect(budget.waitMs).toBe(250)
  clock.ms += 250
  expect(budget.waitMs).toBe(0)
})

test('put budget: a bucket of one put, and no limit', () => {
  const one = world(windowMs)
  one.budget.take()
  expect(one.budget.waitMs).toBe(windowMs)
  const free = world(0)
  for (let put = 0; put < 10_000; put++) free.budget.take()
  expect(free.budget.waitMs).toBe(0)
})
