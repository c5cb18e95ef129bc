import { expect, test } from 'vitest'
import { Actor } from '../../../src/actor/actor.ts'

type Event = { type: 'add'; by: number }
type Effect = { type: 'report'; sum: number }
const adder = {
  step(state: { sum: number }, event: Event, out: Effect[]): void {
    state.sum += event.by
    out.push({ type: 'report', sum: state.sum })
  },
}

test('actor: effects are performed in the order of their events, after all of them', () => {
  const reported: number[] = []
  const state = { sum: 0 }
  const actor = new Actor(adder, state, { report: ({ sum }) => reported.push(sum, state.sum) }, 10)
  actor.send({ type: 'add', by: 1 })
  actor.send({ type: 'add', by: 2 })
  expect([actor.turn(), reported, actor.turn()]).toEqual([2, [1, 3, 3, 3], 0])
})

test('actor: a full mailbox rejects', () => {
  const actor = new Actor(adder, { sum: 0 }, { report: () => {} }, 1)
  expect([actor.send({ type: 'add', by: 1 }), actor.send({ type: 'add', by: 1 })]).toEqual([true, false])
  actor.turn()
  expect(actor.send({ type: 'add', by: 1 })).toBe(true)
})

test('actor: an event that the handler of an effect sends waits for the next turn', () => {
  const reported: number[] = []
  const actor: Actor<{ sum: number }, Event, Effect> = new Actor(
    adder,
    { sum: 0 },
    {
      report: ({ sum }) => {
        reported.push(sum)
        if (sum < 3) actor.send({ type: 'add', by: 1 })
      },
    },
    1,
  )
  actor.send({ type: 'add', by: 1 })
  expect([actor.turn(), reported]).toEqual([1, [1]])
  expect([actor.turn(), actor.turn(), actor.turn(), reported]).toEqual([1, 1, 0, [1, 2, 3]])
})
