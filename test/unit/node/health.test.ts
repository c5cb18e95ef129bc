import { expect, test } from 'vitest'
import { Health, stalledMs } from '../../../src/node/health.ts'

/** A node whose clock and threads the test controls. */
class World {
  now = 1000
  published = 0
  durable = 0
  isDiskFull = false
  pings: (() => void)[] = []
  answersPings = true
  #tick: () => void = () => {}
  readonly health: Health

  constructor() {
    const world = this
    this.health = new Health({
      now: () => world.now,
      every(_, tick) {
        world.#tick = tick
        return () => {
          world.#tick = () => {}
        }
      },
      lanes: [
        {
          get published() {
            return world.published
          },
          get durable() {
            return world.durable
          },
          get isDiskFull() {
            return world.isDiskFull
          },
          ping: () => (world.answersPings ? Promise.resolve() : new Promise<void>((resolve) => world.pings.push(resolve))),
        },
      ],
    })
    this.health.start()
  }

  /** Time passes, with a tick each second. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 1000) {
      this.now += Math.min(1000, left)
      this.#tick()
      await Promise.resolve()
      await Promise.resolve()
    }
  }

  /** Time passes while the event loop is blocked; then a tick arrives. */
  async block(ms: number): Promise<void> {
    this.now += ms
    this.#tick()
    await Promise.resolve()
    await Promise.resolve()
  }
}

test('health: a node is alive while it is idle, and while records become durable slowly', async () => {
  const world = new World()
  await world.pass(60_000)
  expect(world.health.problems).toEqual([])
  for (let i = 0; i < 20; i++) {
    world.published += 1000
    world.durable += 1
    await world.pass(stalledMs - 1000)
    expect(world.health.problems).toEqual([])
  }
})

test('health: records that wait without progress of the write-ahead log make the node not alive, until it progresses', async () => {
  const world = new World()
  world.published = 100
  await world.pass(stalledMs)
  expect(world.health.problems).toEqual([])
  await world.pass(5000)
  expect(world.health.problems).toEqual(['no record has become durable for 14 s, although records wait'])
  world.durable = 50
  expect(world.health.problems).toEqual([])
})

test('health: a full disk is no reason for a restart', async () => {
  const world = new World()
  world.published = 100
  world.isDiskFull = true
  await world.pass(100_000)
  expect(world.health.problems).toEqual([])
})

test('health: threads that do not reply make the node not alive, until they reply', async () => {
  const world = new World()
  world.answersPings = false
  await world.pass(stalledMs + 5000)
  expect([world.health.problems, world.pings.length]).toEqual([['the network and sequencer threads have not replied for 14 s'], 1])
  world.answersPings = true
  world.pings[0]!()
  await world.pass(1000)
  expect(world.health.problems).toEqual([])
})

test('health: a blocked event loop makes the node not alive, during and shortly after it', async () => {
  const world = new World()
  world.now += stalledMs + 5000
  expect(world.health.problems).toEqual(['the event loop of the main thread was blocked for 14 s'])
  await world.block(1000)
  expect(world.health.problems).toEqual(['the event loop of the main thread was blocked for 15 s'])
  await world.pass(stalledMs)
  expect(world.health.problems).toEqual([])
})
