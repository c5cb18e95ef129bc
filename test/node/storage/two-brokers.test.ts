import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { below, prng } from '../../../src/base/prng.ts'
import { type Broker, prepareBroker } from '../../support/broker.ts'
import { long, longIf } from '../../support/long.ts'
import type { S3Server } from '../../support/s3/server.ts'
import { CrashWorld } from '../crash/crash-world.ts'
import { storeForLog, until } from './storage-world.ts'

const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31)
const random = prng(seed)
const limitMs = 90_000
const brokers: Broker[] = []
let world: CrashWorld
let server: S3Server
let settings: Readonly<Record<string, string>>

beforeAll(async () => {
  const store = await storeForLog()
  server = store.server
  settings = store.settings
  world = await CrashWorld.start(prng(seed), 4, { settings })
  brokers.push(world.broker)
}, limitMs)

afterAll(async () => {
  for (const broker of brokers) await broker.remove()
  await server?.stop()
})

/** Another process with the same node.id and cluster.id, but its own disk and port. */
async function another(): Promise<Broker> {
  const broker = await prepareBroker({ settings })
  brokers.push(broker)
  await broker.start()
  return broker
}

/** From now on only the other broker is used: it has all records, and unacknowledged batches are sent to it again. */
async function goOnWith(broker: Broker, old: Broker): Promise<void> {
  expect(old.log).toMatch(/"level":"fatal".*(belongs to another incarnation of this node|has been taken over by a later incarnation)/)
  world.broker = broker
  await world.verifyFromStart()
  await world.settle()
  await world.verifyFromStart()
  await world.others.verify(broker.port)
}

/** Produces records and makes all other changes, until the broker ends. */
const load = (): Promise<unknown> => Promise.all([world.load(60_000), world.others.load(world.broker.port, () => true)])

const seeded = (work: () => Promise<void>) => () =>
  work().catch((error: Error) => {
    throw new Error(`${error.message} (again with SEED=${seed})\n${brokers.map(({ log }) => log.slice(-2000)).join('\n')}`, {
      cause: error,
    })
  })

test(
  'two brokers: of two brokers with one identity the older one stops with its reason, and no acknowledged record is lost or duplicated',
  long(limitMs),
  seeded(async () => {
    const old = world.broker
    const loaded = load()
    await pause(below(random, 1500))
    const fresh = await another()
    await until(() => !old.isRunning)
    await loaded
    await goOnWith(fresh, old)
  }),
)

for (const round of [1, 2, 3]) {
  test(
    `two brokers: a broker that was suspended while another took over stops when it resumes, and has acknowledged nothing wrong, time ${round}`,
    longIf(round > 1, limitMs),
    seeded(async () => {
      const old = world.broker
      const loaded = load()
      await pause(300 + below(random, 1000))
      process.kill(old.pid, 'SIGSTOP')
      const fresh = await another()
      process.kill(old.pid, 'SIGCONT')
      await until(() => !old.isRunning)
      await loaded
      await goOnWith(fresh, old)
    }),
  )
}

test(
  'two brokers: one that has nothing to write finds out too',
  long(limitMs),
  seeded(async () => {
    const old = world.broker
    const fresh = await another()
    await until(() => !old.isRunning)
    await goOnWith(fresh, old)
  }),
)
