import { afterAll, beforeAll, expect, test } from 'vitest'
import { long } from '../../support/long.ts'
import type { S3Server } from '../../support/s3/server.ts'
import type { CrashWorld } from '../crash/crash-world.ts'
import { bucketIn, crashWorldOn, storeForLog } from './storage-world.ts'

const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31)
const limitMs = 90_000
const lagMs = 3000
const rounds = 5
let world: CrashWorld
let server: S3Server

beforeAll(async () => {
  // Unneeded objects are kept for one minute: lists may lag by half of it.
  const settings = { 's3.object.delete.retention.minutes': '1' }
  ;({ server, world } = await crashWorldOn(storeForLog(), seed, { settings, forgets: true }))
}, limitMs)

afterAll(async () => {
  await world?.broker.remove()
  await server?.stop()
})

test(
  `stale lists: kill -9 under load and an empty disk lose, reorder and repeat nothing where lists are seconds old (seed ${seed})`,
  long(2 * limitMs),
  async () => {
    bucketIn(server).listLagMs = lagMs
    for (let round = 0; round < rounds; round++) await world.round('kill', round % 2 === 0 ? 700 : 2500)
    await world.settle()
    await world.verifyFromStart()
    expect(world.acknowledged).toBeGreaterThan(0)
  },
)
