import { expect, test } from 'vitest'
import { below, prng } from '../../../src/base/prng.ts'
import { Timers } from '../../../src/coordinator/timers.ts'

function taken(timers: Timers<string>, now: number): string[] {
  const found: string[] = []
  for (let action = timers.take(now); action !== undefined; action = timers.take(now)) found.push(action)
  return found
}

test('timers: a delayed timer fires later, an advanced one earlier, a cancelled one never', () => {
  const timers = new Timers<string>()
  timers.set('a', 10, 'a')
  timers.set('b', 20, 'b')
  timers.set('c', 30, 'c')
  timers.set('a', 25, 'A')
  timers.set('c', 5, 'C')
  timers.cancel('b')
  expect([taken(timers, 9), taken(timers, 24), taken(timers, 25), timers.size]).toEqual([['C'], [], ['A'], 0])
})

test('timers: equals a linear search of a list, for random operations', () => {
  for (let seed = 0; seed < 200; seed++) {
    const random = prng(seed)
    const timers = new Timers<string>()
    const model = new Map<string, number>()
    for (let now = 0; now < 200; now++) {
      const key = `k${below(random, 8)}`
      if (below(random, 5) === 0) {
        timers.cancel(key)
        model.delete(key)
      } else {
        const at = now + below(random, 40)
        timers.set(key, at, key)
        model.set(key, at)
      }
      const due = [...model].filter(([, at]) => at <= now).map(([name]) => name)
      for (const name of due) model.delete(name)
      expect(taken(timers, now).sort(), `seed ${seed}, time ${now}`).toEqual(due.sort())
      const next = Math.min(...model.values())
      expect((timers.next ?? Number.POSITIVE_INFINITY) <= next, `seed ${seed}, time ${now}`).toBe(true)
    }
  }
})
