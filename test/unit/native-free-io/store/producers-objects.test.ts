import { expect, test } from 'vitest'
import { ProducersObjects } from '../../../../native-free-io/store/producers-objects.ts'
import { below, chance, prng } from '../../../../src/base/prng.ts'
import type { ProducerSnapshots } from '../../../../src/ports/producers.ts'
import type { S3WalParts } from '../../../../src/wal/s3/s3-wal.ts'
import { calm, Shelf, type StoreWeather, Turns, WeatherStore } from '../../../sim/s3-wal-world.ts'
import { seedGroups } from '../../../support/groups.ts'

const foundingId = 'AAAAAAAAAAAAAAAAAAAAAg'
const prefix = 'c/producers/1/'
const firstSeed = Number(process.env['SEED'] ?? 1)
const seedCount = Number(process.env['SEEDS'] ?? 200)

/** Producers that show at which time they were saved. */
const saved = (count: number): ProducerSnapshots => [[count, []]]

const storm: StoreWeather = { lost: 100, unheard: 100, late: 100 }
const weathers = [calm, storm, { ...calm, lagTurns: 60 }, { ...storm, lagTurns: 60 }]

/** Some lives, one after another; each finds what the one before saved last, or, where it died while saving, what it was saving. */
async function world(seed: number, weather: StoreWeather): Promise<void> {
  const random = prng(seed)
  const turns = new Turns(random)
  const shelf = new Shelf()
  const [keepMs, patience] = [2 * (weather.lagTurns ?? 0), 100_000]
  let [count, lastSaved] = [0, 0]
  for (let epoch = 1; epoch <= 6; epoch++) {
    const store = new WeatherStore(shelf, turns, random, weather)
    const owner = { high: epoch, low: 0 }
    const pause = (): Promise<void> => turns.later(() => {})
    const parts: S3WalParts = { store, prefix, owner, keepMs, pause, now: () => turns.count, onFault: () => {} }
    const producers = new ProducersObjects(parts, epoch, foundingId)
    let found: number | undefined
    void producers.load().then((loaded) => (found = loaded?.partitions[0]?.[0] ?? 0))
    await turns.run(() => found !== undefined, patience)
    expect(found).toBeGreaterThanOrEqual(lastSaved)
    expect(found).toBeLessThanOrEqual(count)
    lastSaved = found!
    for (let saves = below(random, 12); saves > 0; saves--) {
      const now = ++count
      let isDone = false
      void producers.save(saved(now), 0).then(() => (isDone = true))
      // The last of a life may be on its way when it dies, and land whenever it likes.
      let turnsLeft = saves === 1 && chance(random, 500) ? below(random, 6) : Number.POSITIVE_INFINITY
      await turns.run(() => isDone || turnsLeft-- <= 0, patience)
      if (isDone) lastSaved = now
    }
    store.asleep = new Promise(() => {})
    if (chance(random, 500)) {
      let rest = below(random, 100)
      const pass = (): void => void turns.later(() => rest-- > 0 && pass())
      pass()
      await turns.run(() => rest <= 0)
    }
  }
}

test.each(seedGroups(firstSeed, seedCount, 100))(
  'producers objects: each incarnation finds the producers that were saved last, despite late puts and stale lists (seeds from %i)',
  async (...seeds) => {
    for (const seed of seeds) {
      await world(seed, weathers[seed % weathers.length]!).catch((error: Error) => {
        throw new Error(`${error.message} (again with SEED=${seed} SEEDS=1)`, { cause: error })
      })
    }
  },
)

test('producers objects: a snapshot whose put is late does not replace a newer one, and is removed with those of earlier incarnations', async () => {
  const turns = new Turns(prng(1))
  const shelf = new Shelf()
  const parts = (): S3WalParts => ({
    ...{ store: new WeatherStore(shelf, turns, prng(1), calm), prefix, owner: { high: 1, low: 0 }, keepMs: 0 },
    ...{ pause: async () => {}, now: () => turns.count, onFault: () => {} },
  })
  const done = async <T>(work: Promise<T>): Promise<T> => {
    let isDone = false
    void work.then(() => (isDone = true))
    await turns.run(() => isDone)
    return work
  }
  const first = parts()
  const put = first.store.put.bind(first.store)
  let late: (() => Promise<unknown>) | undefined
  first.store.put = async (key, pieces) => {
    if (late !== undefined) return put(key, pieces)
    late = () => put(key, pieces)
    return { fault: 'timeout', operation: 'put', key, detail: 'no whole answer', attempts: 20, mayBeDone: true }
  }
  const life = new ProducersObjects(first, 1, foundingId)
  await done(life.save(saved(1), 0))
  await done(life.save(saved(2), 0))
  await done(late!())
  const next = new ProducersObjects(parts(), 2, foundingId)
  expect((await done(next.load()))!.partitions.map(([partitionId]) => partitionId)).toEqual([2])
  await done(next.save(saved(3), 0))
  expect(shelf.size).toBe(1)
  expect((await done(new ProducersObjects(parts(), 3, foundingId).load()))!.partitions.map(([partitionId]) => partitionId)).toEqual([3])
})
