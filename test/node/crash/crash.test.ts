import { afterAll, beforeAll, expect, test } from 'vitest'
import { prng } from '../../../src/base/prng.ts'
import { brokerKind } from '../../support/broker.ts'
import { CrashWorld } from './crash-world.ts'
import { recoverFull } from './full-wal.ts'

const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31)
const limitMs = 120_000
const loadMsMax = 1000
let world: CrashWorld
let acknowledged = 0

beforeAll(async () => {
  world = await CrashWorld.start(prng(seed), 3)
}, limitMs)

afterAll(() => world?.broker.remove())

const seeded = (work: () => Promise<void>) => () =>
  work().catch((error: unknown) => {
    throw new Error(
      `${error instanceof Error ? error.message : error} (again with SEED=${seed}; npm run crash -- --seed ${seed} runs for longer)`,
      { cause: error },
    )
  })

for (const round of [1, 2, 3]) {
  test(
    `crash: kill -9 under load loses, reorders or repeats nothing that was acknowledged, time ${round}`,
    seeded(async () => {
      const round = await world.round('kill', loadMsMax)
      // In some rounds the kill happens before the first response.
      acknowledged += round.acknowledged
    }),
    limitMs,
  )
}

test.runIf(brokerKind() === 'millrace')(
  'crash: a log that is not stored at all is recovered whole',
  async () => {
    const { records, bytes, milliseconds } = await recoverFull(128 << 20)
    expect(bytes).toBeGreaterThan(128 << 20)
    expect(records).toBeGreaterThan(2000)
    expect(milliseconds).toBeGreaterThan(0)
  },
  limitMs,
)

test(
  'crash: SIGTERM under load ends the process cleanly and loses nothing that was acknowledged',
  seeded(async () => {
    await world.round('stop', loadMsMax)
    expect(await world.broker.stop()).toBe(brokerKind() === 'kafka' ? 143 : 0)
    await world.broker.start()
    await world.verify()
  }),
  limitMs,
)

test(
  'crash: what was not acknowledged before a crash is written exactly once when it is sent again',
  seeded(async () => {
    await world.settle()
    await world.verifyFromStart()
    expect(acknowledged).toBeGreaterThan(0)
  }),
  limitMs,
)
