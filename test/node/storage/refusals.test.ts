import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { errors } from '../../../src/wire/errors.ts'
import { connected } from '../../support/connection.ts'
import { long } from '../../support/long.ts'
import { api, fetchRequest, readFetch } from '../../support/requests.ts'
import type { S3Server } from '../../support/s3/server.ts'
import type { CrashWorld } from '../crash/crash-world.ts'
import { crashWorldOn, storeForBroker, storeForLog, until } from './storage-world.ts'

const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31)
/** After 45 s, a stop ends like a crash; the process needs some time to exit. */
const stopMsMax = 55_000
const limitMs = 90_000

describe.each([
  ['on a disk', () => storeForBroker(), false],
  ['in the store', () => storeForLog(), true],
])('refusals: a node whose log is %s', (_, open, isInStore) => {
  let world: CrashWorld
  let server: S3Server

  beforeAll(async () => {
    ;({ server, world } = await crashWorldOn(open(), seed))
  }, limitMs)

  afterAll(async () => {
    await world?.broker.remove()
    await server?.stop()
  })

  /** Whether the log contains a line with this fault for the operator. */
  const hasSaid = (kind: string): boolean => world.broker.log.includes(`: ${kind} after`)
  const fetched = (offset = 0n): Promise<number> =>
    connected(world.broker.port, async (connection) => {
      const answer = await connection.call(api.fetch, fetchRequest([{ topic: 'crash', partition: 0, offset }], { waitMs: 0 }))
      return readFetch(answer).parts[0]!.error
    })

  // Reads of objects are the same for every location of the WAL.
  if (!isInStore)
    test.each([
      ['is damaged whenever it is read', () => server.faults.set({ operation: 'get', fault: { type: 'corrupt' } })],
      [
        'is not there any more',
        () => server.faults.set({ operation: 'get', fault: { type: 'error', status: 404, code: 'NoSuchKey', when: 'before' } }),
      ],
    ])(
      `answers KAFKA_STORAGE_ERROR for an object that %s, never with other records or an end, and reads it when it can (seed ${seed})`,
      long(limitMs),
      async (_, hurt) => {
        await world.load(1500)
        await world.settle()
        // Empties the memory of the broker, and moves the records of the WAL into objects.
        await world.broker.stop()
        await world.broker.start()
        hurt()
        // The upload of the WAL takes some time; until then records are read from the WAL.
        let error = 0
        await until(async () => {
          error = await fetched()
          return error !== 0
        })
        expect(error).toBe(errors.KAFKA_STORAGE_ERROR.code)
        server.faults.clear()
        expect(await fetched()).toBe(0)
        await world.verifyFromStart()
      },
    )

  test('continues when the clock of the store changes by an hour', long(limitMs), async () => {
    for (const skewMs of [3_600_000, -3_600_000, 0]) {
      server.skewMs = skewMs
      const [before, objects] = [world.acknowledged, server.count('put')]
      await world.load(1000)
      expect(world.acknowledged).toBeGreaterThan(before)
      await until(() => server.count('put') > objects)
    }
    await world.settle()
    await world.verifyFromStart()
  })

  for (const [how, kind, account] of [
    ['have expired', 'expired', { isExpired: true, secretKey: 'no secret' }],
    ['are refused', 'denied', { secretKey: 'another' }],
  ] as const) {
    test(
      `acknowledges no record that is not durable while its credentials ${how}, reports it, and continues when they are valid again`,
      long(limitMs),
      async () => {
        await world.settle()
        const good = server.accounts.get('broker')!
        server.accounts.set('broker', account)
        const before = world.acknowledged
        await world.load(2500)
        await until(() => hasSaid(kind))
        if (isInStore) expect(world.acknowledged).toBe(before)
        else expect(world.acknowledged).toBeGreaterThan(before)
        server.accounts.set('broker', good)
        const during = world.acknowledged
        await world.load(1000)
        await world.settle()
        expect(world.acknowledged).toBeGreaterThan(during)
        await world.verifyFromStart()
      },
    )
  }

  test('ends in time when it is stopped while the store is away, and has everything at the next start', long(limitMs), async () => {
    await world.load(500)
    await world.settle()
    const before = world.acknowledged
    await server.stop()
    const began = performance.now()
    await world.broker.stop()
    expect(performance.now() - began).toBeLessThan(stopMsMax)
    await server.start()
    await world.broker.start()
    await world.verifyFromStart()
    expect(world.acknowledged).toBe(before)
  })
})
