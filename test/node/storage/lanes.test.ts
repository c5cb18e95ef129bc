import { existsSync, readdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { prng } from '../../../src/base/prng.ts'
import { untilLed } from '../../support/admin.ts'
import { connected } from '../../support/connection.ts'
import { long, longIf } from '../../support/long.ts'
import type { S3Server } from '../../support/s3/server.ts'
import { CrashWorld } from '../crash/crash-world.ts'
import { NodeWorld, startError } from './node-world.ts'
import { crashWorldOn, keysIn, smallLog, storeForBroker, storeForLog } from './storage-world.ts'

type Settings = Readonly<Record<string, string>>

const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31)
const limitMs = 180_000
const loadMsMax = 1500
const partitions = 5
/** Records stay in the WAL until the number of lanes changes. */
const onlyInLog = {
  ...smallLog,
  's3.wal.path': 'file://?capacity=64MiB',
  's3.wal.upload.threshold': '48MiB',
  's3.wal.upload.interval.ms': '-1',
}

let world: CrashWorld | undefined
let server: S3Server | undefined

afterEach(async () => {
  await world?.broker.remove()
  await server?.stop()
  world = undefined
  server = undefined
})

const walFolder = (): string => join(world!.broker.folder, 'data', 'wal')
const logsIn = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.wal'))
    .sort()
const settingsOf = (lanes: number): Settings => ({ lanes: String(lanes) })

/** Starts that change the number of lanes, and are killed at each of the points; then one that does not end. */
async function change(lanes: number, points: readonly string[] = []): Promise<void> {
  const { broker, others } = world!
  await broker.kill()
  for (const point of points) {
    const { code, printed } = await broker.run(settingsOf(lanes), { MILLRACE_CRASH_POINT: point })
    expect(code, `${point}: ${printed}`).toBe('SIGKILL')
  }
  await broker.start({}, settingsOf(lanes))
  await connected(broker.port, (connection) => untilLed(connection, 'crash', partitions))
  await others.verify(broker.port)
}

/** All records are read from the first on, and producers continue where they have ended. */
async function conclude(): Promise<void> {
  await world!.verifyFromStart()
  await world!.load(loadMsMax)
  await world!.settle()
  await world!.verifyFromStart()
}

const stores = {
  'objects in log.dirs': async () => ({
    world: await CrashWorld.start(prng(seed), partitions, { settings: onlyInLog }),
    server: undefined,
  }),
  'objects in a bucket': () => crashWorldOn(storeForBroker(), seed, { partitions, settings: onlyInLog }),
  'the WAL in a bucket': () =>
    crashWorldOn(storeForLog(), seed, {
      partitions,
      forgets: true,
      settings: { 's3.wal.upload.interval.ms': '-1', 's3.wal.upload.threshold': '4MiB' },
    }),
} as const

describe.each(Object.keys(stores) as (keyof typeof stores)[])('lanes: with %s', (store) => {
  beforeEach(async () => {
    ;({ world, server } = await stores[store]())
  }, limitMs)

  test(
    `a changed number of lanes keeps records, producers and committed offsets (seed ${seed})`,
    longIf(store !== 'objects in log.dirs', limitMs),
    async () => {
      await world!.round('kill', loadMsMax)
      for (const lanes of [3, 2, 1]) await change(lanes)
      expect(world!.broker.log).toContain('changed the number of lanes')
      await conclude()
    },
  )

  test.each([
    ['object committed', 'producers saved'],
    ['log trimmed', 'former lanes stored'],
    ['lanes changed', 'log opened'],
  ])(`starts that change it are killed at "%s" and "%s" (seed ${seed})`, long(limitMs), async (...points) => {
    await world!.round('kill', loadMsMax)
    await change(
      3,
      points.filter((point) => point !== 'log trimmed' || store !== 'the WAL in a bucket'),
    )
    await change(
      1,
      points.filter((point) => point === 'lanes changed' || point === 'former lanes stored'),
    )
    await conclude()
  })
})

describe('lanes: files', () => {
  beforeEach(async () => {
    ;({ world, server } = await stores['objects in log.dirs']())
  }, limitMs)

  test('each lane has its files, and those of former lanes are removed, although a start is killed meanwhile', long(limitMs), async () => {
    expect(logsIn(walFolder())).toEqual(['lane-0.wal'])
    await change(3)
    expect(logsIn(walFolder())).toEqual(['lane-0.wal', 'lane-1.wal', 'lane-2.wal'])
    expect(existsSync(join(walFolder(), 'lane-2.segments'))).toBe(true)
    await change(1, ['lanes changed', 'former lane emptied', 'former lane emptied'])
    expect(readdirSync(walFolder()).sort()).toEqual(['lane-0.segments', 'lane-0.wal', 'lane-0.wal.lock'])
    await change(2, ['log opened'])
    expect(logsIn(walFolder())).toEqual(['lane-0.wal', 'lane-1.wal'])
    await change(1)
    await conclude()
  })
})

test('lanes: objects of former lanes are removed from the bucket of an S3 WAL', long(limitMs), async () => {
  ;({ world, server } = await stores['the WAL in a bucket']())
  const lanesIn = (): readonly string[] =>
    [...new Set(keysIn(server!).flatMap((key) => /\/wal\/1\/(\d+)\/\d+\//.exec(key)?.[1] ?? []))].sort()
  await world.round('kill', loadMsMax)
  expect(lanesIn()).toEqual(['0'])
  await change(3)
  expect(lanesIn()).toEqual(['0', '1', '2'])
  await change(1)
  expect(lanesIn()).toEqual(['0'])
  await conclude()
})

test('lanes: at a path of its own, the logs are beside the path, and one that is missing is named', long(limitMs), async () => {
  const nodes = new NodeWorld()
  try {
    const path = join(nodes.folder, 'name.wal')
    const node = await nodes.node({ 's3.wal.path': `file://${path}?capacity=16MiB`, lanes: '3' })
    await node.start()
    expect(await node.stop()).toBe(0)
    expect(readdirSync(nodes.folder).sort()).toEqual(['name.wal', 'name.wal.1', 'name.wal.2'])
    renameSync(`${path}.2`, `${path}.away`)
    expect(await startError(node)).toContain(
      `s3.wal.path: the write-ahead log of this node is incomplete at ${path}.2: it does not exist; restore it`,
    )
    renameSync(`${path}.away`, `${path}.2`)
    await node.start()
  } finally {
    await nodes.remove()
  }
})

describe.each(Object.keys(stores) as (keyof typeof stores)[])('lanes: clients of several lanes, with %s', (store) => {
  beforeEach(async () => {
    ;({ world, server } = await stores[store]())
  }, limitMs)

  test(`kill -9 under load loses, reorders or repeats nothing that was acknowledged (seed ${seed})`, long(limitMs), async () => {
    await change(3)
    for (let round = 0; round < 3; round++) {
      await world!.load(loadMsMax)
      await world!.broker.kill()
      await world!.broker.start({}, settingsOf(3))
      await world!.verify()
    }
    await conclude()
  })

  test(`a number of lanes that changes between loads keeps records and producers (seed ${seed})`, long(limitMs), async () => {
    for (const [lanes, points] of [
      [3, ['producers saved', 'former lanes stored']],
      [2, ['lanes changed', 'log opened']],
      [1, ['object stored']],
    ] as const) {
      await world!.load(loadMsMax)
      await change(lanes, points)
      await world!.verify()
      await world!.load(loadMsMax)
      await world!.settle()
    }
    await conclude()
  })
})

test('lanes: a founding that was interrupted is continued with another number of lanes', long(limitMs), async () => {
  const nodes = new NodeWorld()
  try {
    const node = await nodes.node({ lanes: '1' })
    const folder = join(node.folder, 'data', 'wal')
    expect((await node.run(settingsOf(3), { MILLRACE_CRASH_POINT: 'log opened' })).code).toBe('SIGKILL')
    expect(logsIn(folder)).toEqual(['lane-0.wal', 'lane-1.wal', 'lane-2.wal'])
    await node.start()
    expect(logsIn(folder)).toEqual(['lane-0.wal'])
    expect(node.log).not.toContain('changed the number of lanes')
  } finally {
    await nodes.remove()
  }
})
