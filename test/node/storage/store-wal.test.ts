import { afterAll, beforeAll, expect, test } from 'vitest'
import { deleteAllTopics } from '../../support/admin.ts'
import { connected } from '../../support/connection.ts'
import { long, longIf } from '../../support/long.ts'
import type { S3Server } from '../../support/s3/server.ts'
import type { CrashWorld } from '../crash/crash-world.ts'
import { boundMib, clusterId, crashWorldOn, keysIn, storeForLog, until } from './storage-world.ts'

const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31)
const limitMs = 90_000
const walPrefix = `${clusterId}/wal/`
let world: CrashWorld
let server: S3Server

beforeAll(async () => {
  ;({ server, world } = await crashWorldOn(storeForLog(), seed, { forgets: true }))
}, limitMs)

afterAll(async () => {
  await world?.broker.remove()
  await server?.stop()
})

test('S3 WAL: a start logs the budget of PUTs and its reason', () => {
  expect(world.broker.log).toContain('the S3 WAL has a budget of 50 PUTs per second, averaged over a minute: batchInterval is set to 20')
})

/** Adds the last lines of the broker to an error. */
const reported = (work: () => Promise<void>) => () =>
  work().catch((error: Error) => {
    throw new Error(`${error.message} (again with SEED=${seed})\n${world.broker.log.slice(-3000)}`, { cause: error })
  })

for (const round of [1, 2, 3]) {
  test(
    `S3 WAL: kill -9 under load and an empty disk lose, reorder and repeat nothing that was acknowledged, time ${round}`,
    longIf(round > 1, limitMs),
    reported(async () => {
      await world.round('kill', 1500)
    }),
  )
}

test(
  'S3 WAL: SIGTERM and an empty disk lose nothing either, and a log that is stored is not read again',
  long(limitMs),
  reported(async () => {
    await world.round('stop', 1000)
    await world.settle()
    await world.verifyFromStart()
    expect(world.acknowledged).toBeGreaterThan(0)
  }),
)

for (const point of ['object prepared', 'object stored:2', 'object committed', 'producers saved:2', 'log trimmed'] as const) {
  test(
    `S3 WAL: a crash at "${point}" and an empty disk lose, reorder and repeat nothing`,
    long(limitMs),
    reported(async () => {
      expect(await world.dieAt(point, 15_000), `the broker dies at "${point}"`).toBe(true)
    }),
  )
}

test(
  'S3 WAL: errors before and after doing, broken connections and slow answers on puts of the log lose, reorder and repeat nothing',
  long(limitMs),
  reported(async () => {
    server.faults.set(
      { operation: 'put', prefix: walPrefix, fault: { type: 'error', status: 500, code: 'InternalError', when: 'after' }, permille: 100 },
      { operation: 'put', prefix: walPrefix, fault: { type: 'error', status: 503, code: 'SlowDown', when: 'before' }, permille: 100 },
      { operation: 'put', prefix: walPrefix, fault: { type: 'reset', when: 'after' }, permille: 100 },
      { operation: 'put', prefix: walPrefix, fault: { type: 'reset', when: 'body' }, permille: 50 },
      { operation: 'put', prefix: walPrefix, fault: { type: 'slow', ms: 300 }, permille: 100 },
      { operation: 'get', prefix: walPrefix, fault: { type: 'corrupt' }, permille: 50 },
    )
    const before = world.acknowledged
    await world.load(2500)
    expect(world.acknowledged).toBeGreaterThan(before)
    await world.round('kill', 1000)
    server.faults.clear()
    await world.verifyFromStart()
  }),
)

test(
  'S3 WAL: an outage of the store stops acknowledgements and the growth of memory, and everything continues without a restart',
  reported(async () => {
    await world.settle()
    await server.stop()
    const before = world.acknowledged
    await world.load(4000)
    expect(world.acknowledged, 'nothing is acknowledged that is nowhere').toBe(before)
    expect(world.broker.figures().rssMib).toBeLessThan(boundMib())
    await server.start()
    await world.load(1500)
    await world.settle()
    expect(world.acknowledged).toBeGreaterThan(before)
    await world.verifyFromStart()
  }),
  limitMs,
)

test(
  'S3 WAL: a node that starts while the store is away waits for it, and then has everything',
  long(limitMs),
  reported(async () => {
    await world.broker.kill()
    await server.stop()
    const started = world.broker.start()
    await until(() => world.broker.log.includes('the store fails'))
    await server.start()
    await started
    await world.verifyFromStart()
  }),
)

test(
  'S3 WAL: when its topics are gone, the store has metadata, the newest object of the log, the producers, fences and whose it is, and nothing else',
  reported(async () => {
    // An incarnation removes unneeded objects when it has stored a new one.
    await world.load(500)
    await world.settle()
    await connected(world.broker.port, deleteAllTopics)
    const left = (): string[] => keysIn(server).map((key) => key.slice(clusterId.length + 1))
    const objects = (): number => left().filter((key) => key.startsWith('objects/')).length
    await until(() => objects() === 0)
    await world.broker.stop()
    const wal = left().filter((key) => key.startsWith('wal/'))
    const epochs = wal.map((key) => key.split('/')[3]!)
    // A fence for each ended incarnation, the last incarnation's own claim and its newest object.
    expect(wal.length, wal.slice(-4).join(' ')).toBe(new Set(epochs).size + 1)
    expect(left().filter((key) => !/^(wal|metadata|producers)\//.test(key))).toEqual(['node.properties'])
    expect(left().filter((key) => key.startsWith('producers/')).length).toBe(1)
  }),
  limitMs,
)
