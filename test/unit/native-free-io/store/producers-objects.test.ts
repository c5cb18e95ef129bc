import { expect, test } from 'vitest'
import { encodeProducers, packProducers } from '../../../../native-free-io/disk/producers-codec.ts'
import { ProducersObjects } from '../../../../native-free-io/store/producers-objects.ts'
import { below, chance, prng } from '../../../../src/base/prng.ts'
import type { S3WalParts } from '../../../../src/wal/s3/s3-wal.ts'
import { type FaultRates, noFaults, RandomFaultStore, StoredObjects, Turns } from '../../../sim/s3-wal-world.ts'
import { seedGroups } from '../../../support/groups.ts'

const foundingId = 'AAAAAAAAAAAAAAAAAAAAAg'
const prefix = 'c/producers/1/'
const firstSeed = Number(process.env['SEED'] ?? 1)
const seedCount = Number(process.env['SEEDS'] ?? 200)

/** Producers that show at which time they were saved. */
const saved = (count: number): Uint8Array[] => encodeProducers(foundingId, [{ position: 0, partitions: packProducers([[count, []]]) }])

const frequentFaults: FaultRates = { lost: 100, unanswered: 100, late: 100 }
const faultRateSets = [noFaults, frequentFaults, { ...noFaults, lagTurns: 60 }, { ...frequentFaults, lagTurns: 60 }]

/** Consecutive incarnations. Each must find the snapshot that was saved last, or the one that was being saved at the crash. */
async function world(seed: number, faultRates: FaultRates): Promise<void> {
  const random = prng(seed)
  const turns = new Turns(random)
  const storedObjects = new StoredObjects()
  const [keepMs, turnsMax] = [2 * (faultRates.lagTurns ?? 0), 100_000]
  let [count, lastSaved] = [0, 0]
  for (let epoch = 1; epoch <= 6; epoch++) {
    const store = new RandomFaultStore(storedObjects, turns, random, faultRates)
    const owner = { high: epoch, low: 0 }
    const pause = (): Promise<void> => turns.later(() => {})
    const parts: S3WalParts = { store, prefix, owner, keepMs, pause, now: () => turns.count, onFault: () => {} }
    const producers = new ProducersObjects(parts, epoch)
    let found: number | undefined
    void producers.load().then((loaded) => (found = loaded?.lanes[0]?.partitions[0]?.[0] ?? 0))
    await turns.run(() => found !== undefined, turnsMax)
    expect(found).toBeGreaterThanOrEqual(lastSaved)
    expect(found).toBeLessThanOrEqual(count)
    lastSaved = found!
    for (let saves = below(random, 12); saves > 0; saves--) {
      const now = ++count
      let isDone = false
      void producers.write(saved(now)).then(() => (isDone = true))
      // The last put of an incarnation may be in progress at the crash, and be performed at any later time.
      let turnsLeft = saves === 1 && chance(random, 500) ? below(random, 6) : Number.POSITIVE_INFINITY
      await turns.run(() => isDone || turnsLeft-- <= 0, turnsMax)
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
      await world(seed, faultRateSets[seed % faultRateSets.length]!).catch((error: Error) => {
        throw new Error(`${error.message} (again with SEED=${seed} SEEDS=1)`, { cause: error })
      })
    }
  },
)

test('producers objects: a snapshot whose put is late does not replace a newer one, and is removed with those of earlier incarnations', async () => {
  const turns = new Turns(prng(1))
  const storedObjects = new StoredObjects()
  const parts = (): S3WalParts => ({
    ...{ store: new RandomFaultStore(storedObjects, turns, prng(1), noFaults), prefix, owner: { high: 1, low: 0 }, keepMs: 0 },
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
  const incarnation = new ProducersObjects(first, 1)
  await done(incarnation.write(saved(1)))
  await done(incarnation.write(saved(2)))
  await done(late!())
  const next = new ProducersObjects(parts(), 2)
  expect((await done(next.load()))!.lanes[0]!.partitions.map(([partitionId]) => partitionId)).toEqual([2])
  await done(next.write(saved(3)))
  expect(storedObjects.size).toBe(1)
  expect((await done(new ProducersObjects(parts(), 3).load()))!.lanes[0]!.partitions.map(([partitionId]) => partitionId)).toEqual([3])
})
