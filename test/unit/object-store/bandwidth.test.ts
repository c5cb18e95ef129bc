import { expect, test } from 'vitest'
import { below, prng } from '../../../src/base/prng.ts'
import { BandwidthBudget, budgetBytes, type Priority, pieceBytesMax, priorities } from '../../../src/object-store/bandwidth.ts'

const MiB = 2 ** 20
const rate = 100 * MiB
const memory = (): BigInt64Array => new BigInt64Array(new SharedArrayBuffer(budgetBytes))

interface Taken {
  readonly atMs: number
  readonly bytes: number
  readonly priority: Priority
}

/** One thread that always requests more of one priority, from `fromMs` to `untilMs`. */
interface Wish {
  readonly priority: Priority
  readonly fromMs: number
  readonly untilMs: number
}

/** Threads in virtual time, each with a budget of its own over the same memory. */
function simulate(seed: number, partitionReads: readonly Wish[], burstBytes: number, untilMs: number): Taken[] {
  const random = prng(seed)
  const words = memory()
  const taken: Taken[] = []
  const threads = partitionReads.map((partitionRead) => ({
    ...partitionRead,
    budget: new BandwidthBudget(words, rate, burstBytes),
    isIn: false,
    nextMs: partitionRead.fromMs,
  }))
  for (let now = 0; now < untilMs; ) {
    for (const thread of threads.filter(({ nextMs }) => nextMs <= now)) {
      const { budget, priority } = thread
      const wants = now < thread.untilMs
      if (thread.isIn !== wants) budget[wants ? 'enter' : 'leave'](priority)
      thread.isIn = wants
      const bytes = 1 + below(random, pieceBytesMax)
      const pause = wants ? budget.take(priority, bytes, 1e9 + now) : Number.POSITIVE_INFINITY
      if (pause === 0) taken.push({ atMs: now, bytes, priority })
      // Timers are late, each by something else.
      thread.nextMs = now + (pause === 0 ? 0.01 : pause + below(random, 3))
    }
    now = Math.max(now + 0.01, Math.min(...threads.map(({ nextMs }) => nextMs)))
  }
  return taken
}

const sum = (taken: readonly Taken[]): number => taken.reduce((total, { bytes }) => total + bytes, 0)
const of = (taken: readonly Taken[], priority: Priority): Taken[] => taken.filter((each) => each.priority === priority)

test.each([1, 2, 3, 4, 5])('over any time no more moves than the budget and one burst: seed %i', (seed) => {
  const random = prng(seed)
  const partitionReads = Array.from({ length: 6 }, (): Wish => {
    const fromMs = below(random, 1000)
    return { priority: priorities[below(random, priorities.length)]!, fromMs, untilMs: fromMs + below(random, 2000) }
  })
  const burstBytes = MiB + below(random, 20 * MiB)
  const taken = simulate(seed, partitionReads, burstBytes, 2000)
  for (let from = 0; from < taken.length; from += 7) {
    let bytes = 0
    for (let to = from; to < taken.length; to++) {
      bytes += taken[to]!.bytes
      const allowed = (rate * (taken[to]!.atMs - taken[from]!.atMs)) / 1000 + burstBytes + pieceBytesMax + 1024
      expect(bytes, `bytes between ${taken[from]!.atMs} and ${taken[to]!.atMs} ms`).toBeLessThanOrEqual(allowed)
    }
  }
})

test('bandwidth: a budget with waiting requests is used completely', () => {
  const taken = simulate(1, [{ priority: 'upload', fromMs: 0, untilMs: 2000 }], MiB, 2000)
  expect(sum(taken) / 2).toBeGreaterThan(0.7 * rate)
})

test('bandwidth: other requests wait while the WAL uses the whole budget, and continue afterwards', () => {
  const partitionReads: Wish[] = [
    { priority: 'compaction', fromMs: 0, untilMs: 2000 },
    { priority: 'upload', fromMs: 0, untilMs: 1500 },
    { priority: 'wal', fromMs: 500, untilMs: 1000 },
    { priority: 'wal', fromMs: 500, untilMs: 1000 },
  ]
  const taken = simulate(2, partitionReads, MiB, 2000)
  const within = (from: number, to: number): Taken[] => taken.filter(({ atMs }) => atMs >= from && atMs < to)
  expect(sum(of(within(510, 1000), 'wal'))).toBeGreaterThan(0.7 * rate * 0.49)
  expect(within(510, 1000).filter(({ priority }) => priority !== 'wal')).toEqual([])
  expect(sum(of(within(1020, 1500), 'upload'))).toBeGreaterThan(0.7 * rate * 0.48)
  expect(of(within(20, 1500), 'compaction')).toEqual([])
  expect(sum(of(within(1520, 2000), 'compaction'))).toBeGreaterThan(0.7 * rate * 0.48)
})

test('bandwidth: what the log leaves goes to the others, and the log does not wait for more than one piece of theirs', () => {
  const words = memory()
  const log = new BandwidthBudget(words, rate, MiB)
  const others = new BandwidthBudget(words, rate, MiB)
  others.enter('compaction')
  let waitMax = 0
  let compacted = 0
  for (let now = 1e9, due = now; now < 1e9 + 5000; now += 1) {
    if (now >= due) {
      log.enter('wal')
      const began = now
      for (let pause = log.take('wal', 256 << 10, now); pause > 0; pause = log.take('wal', 256 << 10, now)) now += pause
      log.leave('wal')
      waitMax = Math.max(waitMax, now - began)
      due = now + 20
    }
    if (others.take('compaction', MiB, now) === 0) compacted += MiB
  }
  expect(waitMax).toBeLessThanOrEqual((pieceBytesMax / rate) * 1000 + 1)
  expect(compacted / 5).toBeGreaterThan(0.6 * rate)
})

test('bandwidth: after a silence there is one burst, not more', () => {
  const budget = new BandwidthBudget(memory(), rate, 10 * MiB)
  budget.enter('read')
  let bytes = 0
  while (budget.take('read', MiB, 1e12) === 0) bytes += MiB
  expect(bytes).toBe(11 * MiB)
})
