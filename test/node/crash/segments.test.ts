import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { segmentsIn } from '../../../native-free-io/disk/segment-files.ts'
import { sparesIn } from '../../../native-free-io/disk/spare-segments.ts'
import { prng } from '../../../src/base/prng.ts'
import { createTopic } from '../../support/admin.ts'
import { encodeBatch } from '../../support/batch.ts'
import { connected } from '../../support/connection.ts'
import { longIf } from '../../support/long.ts'
import { api, deleteTopics, produce } from '../../support/requests.ts'
import { CrashWorld } from './crash-world.ts'

const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31)
const limitMs = 60_000
const loadMsMax = 1500
const mib = 2 ** 20
const segmentBytes = 8 * mib
let world: CrashWorld

beforeAll(async () => {
  world = await CrashWorld.start(prng(seed), 3, {
    settings: {
      's3.wal.path': `file://?capacity=${4 * segmentBytes}`,
      's3.wal.cache.size': String(segmentBytes),
      's3.object.delete.retention.minutes': '0',
    },
  })
}, limitMs)

afterAll(() => world?.broker.remove())

/** The one in use, and those that were created ahead. */
const segmentsAfterTrim = 4
const folder = (): string => join(world.broker.folder, 'data', 'wal', 'lane-0.segments')

let topics = 0

/** Fills segments that nothing else is in, and then removes their objects, so that these become segments again. */
async function fillAndDelete(): Promise<void> {
  const records = encodeBatch([{ value: Buffer.alloc(mib - 1000, 'x') }])
  for (let round = 0; round < 3; round++) {
    const name = `gone-${topics++}`
    await connected(world.broker.port, async (connection) => {
      await createTopic(connection, name)
      for (let i = 0; i < 40; i++) await connection.call(api.produce, produce([{ topic: name, partition: 0, records }]))
      // Until then its objects are segments of the log, too.
      const count = (): number => (world.broker.isRunning ? segmentsIn(folder()).length : 0)
      await expect.poll(count, { timeout: 10_000 }).toBeLessThanOrEqual(segmentsAfterTrim)
      await connection.call(api.deleteTopics, deleteTopics([name]))
    })
  }
}

const points = [
  'object prepared',
  'segment indexed:2',
  'object stored:2',
  'object committed:2',
  'producers saved:3',
  'log trimmed:2',
  'objects removed',
  'segment recycled',
  'segment created',
] as const

const short: readonly string[] = ['segment recycled']

for (const point of points) {
  test(
    `segments: a crash at "${point}" loses, reorders and repeats nothing (seed ${seed})`,
    longIf(!short.includes(point), limitMs),
    async () => {
      expect(await world.dieAt(point, loadMsMax, fillAndDelete), `the broker dies at "${point}"`).toBe(true)
    },
  )
}

test(
  'segments: afterwards objects are segments, and the log has at most its capacity',
  async () => {
    await world.settle()
    const data = join(world.broker.folder, 'data')
    const names = readdirSync(join(data, 'objects'), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    expect(names.map(({ parentPath, name }) => statSync(join(parentPath, name)).size).filter((size) => size > segmentBytes)).not.toEqual([])
    expect(sparesIn(folder()).length).toBeLessThanOrEqual(2)
    await expect.poll(() => segmentsIn(folder()).length, { timeout: 10_000 }).toBeLessThanOrEqual(segmentsAfterTrim)
  },
  limitMs,
)
