import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { prng } from '../../../src/base/prng.ts'
import { createTopic } from '../../support/admin.ts'
import { encodeBatch } from '../../support/batch.ts'
import { prepareBroker } from '../../support/broker.ts'
import { connected } from '../../support/connection.ts'
import { long, longIf } from '../../support/long.ts'
import { api, produce, readProduce } from '../../support/requests.ts'
import { UnsyncedFolder, unsyncedMissing } from '../../support/unsynced-folder.ts'
import { CrashWorld } from '../crash/crash-world.ts'
import { shortLivedTopic } from '../storage/short-lived-topic.ts'
import { smallLog } from '../storage/storage-world.ts'

const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31)
const limitMs = 60_000
const loadMsMax = 1500
const missing = unsyncedMissing()
if (missing !== undefined) console.warn(`power loss is not tried: ${missing}`)

let folder: UnsyncedFolder
beforeAll(async () => {
  if (missing === undefined) folder = await UnsyncedFolder.mount()
})
afterAll(() => folder?.unmount())

const foundingPoints = ['founding begun', 'store claimed', 'log opened', 'founding recorded', 'founding done'] as const

for (const point of foundingPoints) {
  test.skipIf(missing !== undefined)(
    `power: a founding that is cut off at "${point}" is taken up by the next start`,
    longIf(point !== 'log opened', limitMs),
    async () => {
      const broker = await prepareBroker({ under: folder.path, settings: smallLog })
      try {
        folder.keepRoot()
        await expect(broker.start({ MILLRACE_CRASH_POINT: point })).rejects.toThrow('SIGKILL')
        folder.cutPower()
        await broker.start()
        await connected(broker.port, async (connection) => {
          await createTopic(connection, 't')
          const records = encodeBatch([{ value: Buffer.from('kept') }])
          expect(readProduce(await connection.call(api.produce, produce([{ topic: 't', partition: 0, records }])))[0]!.error).toBe(0)
        })
        await broker.kill()
        folder.cutPower()
        await broker.start()
      } finally {
        await broker.remove()
      }
    },
  )
}

describe.skipIf(missing !== undefined)('power: a node whose power fails', () => {
  let world: CrashWorld
  beforeAll(async () => {
    const power = { under: folder.path, onReady: () => folder.keepRoot(), onEnded: () => folder.cutPower() }
    world = await CrashWorld.start(prng(seed), 3, { settings: smallLog, ...power })
  }, limitMs)
  afterAll(() => world?.broker.remove())

  for (const time of [1, 2, 3]) {
    test(`under load loses nothing that was acknowledged, time ${time} (seed ${seed})`, longIf(time > 1, limitMs), async () => {
      await world.round('kill', loadMsMax)
    })
  }

  test(
    'after a clean stop loses nothing',
    async () => {
      await world.round('stop', loadMsMax)
    },
    limitMs,
  )

  const points = [
    'object prepared',
    'object stored:2',
    'object committed',
    'producers saved:2',
    'log trimmed',
    'objects marked',
    'objects removed',
  ]
  for (const point of points) {
    test(`at "${point}" loses nothing that was acknowledged (seed ${seed})`, long(limitMs), async () => {
      const hasDied = await world
        .dieAt(point, loadMsMax, () => shortLivedTopic(world.broker.port))
        .catch((error: Error) => {
          throw new Error(`${error.message}\n${world.broker.log.slice(-3000)}`, { cause: error })
        })
      expect(hasDied, `the broker dies at "${point}"`).toBe(true)
    })
  }
})
