import { expect, test } from 'vitest'
import { below, chance, prng } from '../../src/base/prng.ts'
import { Superseded } from '../../src/wal/s3/s3-wal.ts'
import { formerWalPrefix, s3WalKey, s3WalPlaceOf, seal, walPrefix } from '../../src/wal/s3/wal-object.ts'
import { seedGroups } from '../support/groups.ts'
import { longIf } from '../support/long.ts'
import { conclude, endOrSuspend, faultRateSets, Incarnation, Ledger } from './s3-wal-incarnations.ts'
import { type FaultRates, noFaults, StoredObjects, Turns } from './s3-wal-world.ts'

const former = { prefix: formerWalPrefix('c', 1) }
const own = { prefix: walPrefix('c', 1, 0), formerPrefix: former.prefix }

const metadata = 'c/metadata/'

/** Incarnations of a former release, then of this one. The metadata log assigns their epochs, as in a node. */
async function world(seed: number, faultRates: FaultRates): Promise<{ readonly acknowledged: number; readonly crashes: number }> {
  const random = prng(seed)
  const turns = new Turns(random)
  const storedObjects = new StoredObjects()
  const ledger = new Ledger()
  const incarnations: Incarnation[] = []
  const formerIncarnations = 1 + below(random, 3)
  let lastId = 0
  let crashes = 0
  const begin = (isFormer: boolean): Incarnation => {
    const incarnation = new Incarnation(++lastId, storedObjects, turns, random, faultRates, ledger, isFormer ? former : own)
    incarnations.push(incarnation)
    void incarnation.start(metadata)
    return incarnation
  }
  const run = async (count: number): Promise<void> => {
    let left = count
    await turns.run(() => left-- === 0)
  }
  for (let id = 1; id <= formerIncarnations + 3; id++) {
    // Starts that end at any step of the takeover.
    for (; chance(random, id > formerIncarnations ? 700 : 200); crashes++) {
      const crashed = begin(id <= formerIncarnations)
      await run(below(random, 80))
      crashed.store.asleep = new Promise(() => {})
    }
    const incarnation = begin(id <= formerIncarnations)
    for (let left = 20 + below(random, 40); left > 0; left--) {
      // Earlier incarnations continue, also those of the former release: nothing has notified them of their end.
      for (const each of incarnations) if (chance(random, each === incarnation ? 900 : 200)) each.append()
      await run(1 + below(random, 12))
    }
    await turns.run(() => incarnation.started || incarnation.over !== undefined)
    expect(incarnation.over, `incarnation ${incarnation.id} starts`).toBeUndefined()
    endOrSuspend(incarnation, turns, random)
  }
  for (const id of [98, 99])
    await conclude(turns, () => new Incarnation(id, storedObjects, turns, random, noFaults, ledger, own), ledger, metadata)
  for (const incarnation of incarnations) incarnation.append()
  await turns.run(() => false)
  expect(ledger.problems).toEqual([])
  expect(incarnations.filter((incarnation) => incarnation.started && incarnation.over === undefined && incarnation.pending === 0)).toEqual(
    [],
  )
  return { acknowledged: ledger.kept.size, crashes }
}

const firstSeed = Number(process.env['SEED'] ?? 1)
const seedCount = Number(process.env['SEEDS'] ?? 150)

for (const [group, seeds] of seedGroups(firstSeed, seedCount, 50).entries()) {
  test(
    `S3 WAL: a log under the keys of a former release is continued after crashes at any step, and its owner ends (seeds from ${seeds[0]})`,
    longIf(group >= 1),
    async () => {
      let [acknowledged, crashes] = [0, 0]
      for (const seed of seeds) {
        try {
          const done = await world(seed, faultRateSets[seed % faultRateSets.length]!)
          acknowledged += done.acknowledged
          crashes += done.crashes
        } catch (error) {
          throw new Error(`${(error as Error).message} (again with SEED=${seed} SEEDS=1)`, { cause: error })
        }
      }
      expect(acknowledged).toBeGreaterThan(seeds.length * 20)
      expect(crashes).toBeGreaterThan(seeds.length)
    },
  )
}

/** A store without faults in which an incarnation of the former release has stored `count` objects. */
async function formerLog(count: number): Promise<{
  storedObjects: StoredObjects
  turns: Turns
  begin: (id: number, isFormer?: boolean) => Promise<Incarnation>
  old: Incarnation
}> {
  const random = prng(7)
  const [storedObjects, turns, ledger] = [new StoredObjects(), new Turns(random), new Ledger()]
  const begin = async (id: number, isFormer = false): Promise<Incarnation> => {
    const incarnation = new Incarnation(id, storedObjects, turns, random, noFaults, ledger, isFormer ? former : own)
    void incarnation.start(metadata)
    await turns.run(() => incarnation.started || incarnation.over !== undefined)
    return incarnation
  }
  const old = await begin(1, true)
  for (let number = 0; number < count; number++) old.append()
  await turns.run(() => false)
  return { storedObjects, turns, begin, old }
}

test('S3 WAL: an incarnation of a former release that starts after the takeover ends before it appends', async () => {
  const { begin, old, turns } = await formerLog(3)
  const fresh = await begin(2)
  expect(fresh.found.map(({ number }) => number)).toEqual([0, 1, 2])
  const late = await begin(3, true)
  expect(late.over).toBeInstanceOf(Superseded)
  old.append()
  await turns.run(() => false)
  expect(old.over).toBeInstanceOf(Superseded)
  fresh.append()
  await turns.run(() => false)
  expect(fresh.over).toBeUndefined()
  expect(fresh.pending).toBe(0)
})

test('S3 WAL: objects of a former release are kept while they are needed, then only its fences and the seal are left', async () => {
  const { storedObjects, begin, turns } = await formerLog(3)
  const left = (): string[] => [...storedObjects.keys()].filter((key) => s3WalPlaceOf(former.prefix, key) !== undefined).sort()
  const fresh = await begin(2)
  fresh.append()
  await turns.run(() => false)
  const again = await begin(3)
  expect(again.found.map(({ number }) => number)).toEqual([0, 1, 2, 3])
  again.append(true)
  await turns.run(() => false)
  const fences = [1, 2].map((epoch) => s3WalKey(former.prefix, { epoch, sequence: epoch === 1 ? 4 : 1 }))
  expect(left()).toEqual([...fences, s3WalKey(former.prefix, seal)])
  const last = await begin(4)
  expect(last.found.map(({ number }) => number)).toEqual([4])
  expect(left()).toEqual([...fences, s3WalKey(former.prefix, seal)])
})

test('S3 WAL: an object of a former release that arrives late does not end its log before objects that are needed', async () => {
  const { storedObjects, begin, turns } = await formerLog(5)
  const late = s3WalKey(former.prefix, { epoch: 1, sequence: 2 })
  const bytes = storedObjects.get(late)!
  const fresh = await begin(2)
  fresh.dropBelow = 3
  fresh.append()
  await turns.run(() => false)
  expect(storedObjects.has(late)).toBe(false)
  storedObjects.set(late, bytes)
  expect((await begin(3)).found.map(({ number }) => number)).toEqual([3, 4, 5])
})
