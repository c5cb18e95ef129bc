import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { AtMost } from '../../../src/actor/at-most.ts'

test('at-most: tasks above the bound wait in their order, also behind one that fails', async () => {
  const atMost = new AtMost(2)
  const begun: number[] = []
  let [running, most] = [0, 0]
  const task = (index: number) => async (): Promise<number> => {
    begun.push(index)
    most = Math.max(most, ++running)
    await nextTurn()
    running--
    if (index === 1) throw new Error('a task that fails')
    return index
  }
  const results = await Promise.allSettled([0, 1, 2, 3, 4].map((index) => atMost.run(task(index))))
  expect(begun).toEqual([0, 1, 2, 3, 4])
  expect(most).toBe(2)
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled', 'fulfilled'])
  expect(await atMost.run(task(7))).toBe(7)
})
