import { expect, test } from 'vitest'
import { below, chance, prng } from '../../src/base/prng.ts'
import { Superseded } from '../../src/wal/s3/s3-wal.ts'
import { claimNext, takeOver } from '../../src/wal/s3/s3-wal-start.ts'
import { decodeS3WalHeader, encodeS3WalHeader, s3WalHeaderBytes } from '../../src/wal/s3/wal-object.ts'
import { seedGroups } from '../support/groups.ts'
import { longIf } from '../support/long.ts'
import { conclude, endOrSuspend, faultRateSets, Incarnation, Ledger } from './s3-wal-incarnations.ts'
import { type FaultRates, noFaults, StoredObjects, Turns } from './s3-wal-world.ts'

async function world(seed: number, faultRates: FaultRates): Promise<number> {
  const random = prng(seed)
  const turns = new Turns(random)
  const storedObjects = new StoredObjects()
  const ledger = new Ledger()
  const incarnations: Incarnation[] = []
  for (let id = 1; id <= 6; id++) {
    const incarnation = new Incarnation(id, storedObjects, turns, random, faultRates, ledger)
    incarnations.push(incarnation)
    void incarnation.start()
    // Earlier incarnations continue, suspended or not: nothing has notified them of their end.
    for (let left = 20 + below(random, 60); left > 0; left--) {
      for (const each of incarnations) if (chance(random, each === incarnation ? 900 : 200)) each.append()
      let turnsLeft = 1 + below(random, 12)
      await turns.run(() => turnsLeft-- === 0)
    }
    await turns.run(() => incarnation.started || incarnation.over !== undefined)
    expect(incarnation.over, `incarnation ${id} starts`).toBeUndefined()
    endOrSuspend(incarnation, turns, random)
  }
  await conclude(turns, () => new Incarnation(98, storedObjects, turns, random, noFaults, ledger), ledger)
  // The next incarnation finds objects that arrived after a fence and after the last check.
  const last = await conclude(turns, () => new Incarnation(99, storedObjects, turns, random, noFaults, ledger), ledger)
  const kinds = [...storedObjects].map(([key, bytes]) => ({ key, ...decodeS3WalHeader(bytes)! }))
  expect(kinds.filter(({ epoch, kind }) => epoch < last.epoch && kind !== 'fence').map(({ key, kind }) => `${kind} ${key}`)).toEqual([])
  // Only one of them may continue: each detects its state with an append.
  for (const incarnation of incarnations) incarnation.append()
  await turns.run(() => false)
  expect(ledger.problems).toEqual([])
  expect(incarnations.filter((incarnation) => incarnation.started && incarnation.over === undefined && incarnation.pending === 0)).toEqual(
    [],
  )
  return ledger.kept.size
}

const firstSeed = Number(process.env['SEED'] ?? 1)
const seedCount = Number(process.env['SEEDS'] ?? 150)

for (const [group, seeds] of seedGroups(firstSeed, seedCount, 25).entries()) {
  test(
    `S3 WAL: no acknowledged record is lost or repeated, and one node owns it, while owners sleep, die and wake (seeds from ${seeds[0]})`,
    longIf(group >= 2),
    async () => {
      let acknowledged = 0
      for (const seed of seeds) {
        try {
          acknowledged += await world(seed, faultRateSets[seed % faultRateSets.length]!)
        } catch (error) {
          throw new Error(`${(error as Error).message} (again with SEED=${seed} SEEDS=1)`, { cause: error })
        }
      }
      expect(acknowledged).toBeGreaterThan(seeds.length * 20)
    },
  )
}

test('S3 WAL: a header is read back as it was written, and one bit that is wrong is noticed', () => {
  const header = {
    kind: 'whole',
    epoch: 7,
    sequence: 2 ** 40,
    owner: { high: 0xffff_ffff, low: 1 },
    oldestEpoch: 3,
    oldestSequence: 2 ** 41,
    bodyBytes: 2 ** 33,
    bodyCrc: 0xdead_beef,
    mark: { position: 2 ** 45, trimmed: 2 ** 44, previous: 2 ** 43, previousIncarnation: 6, secret: 0x8000_0001, window: 2 ** 31 },
  } as const
  const bytes = encodeS3WalHeader(header)
  expect(bytes.length).toBe(s3WalHeaderBytes)
  expect(decodeS3WalHeader(bytes)).toEqual(header)
  for (let at = 0; at < bytes.length; at++) {
    const damaged = Buffer.from(bytes)
    damaged[at]! ^= 4
    expect(decodeS3WalHeader(damaged), `byte ${at}`).toBeUndefined()
  }
})

test('S3 WAL: an incarnation that finds a later one during its start stops', async () => {
  const random = prng(5)
  const turns = new Turns(random)
  const storedObjects = new StoredObjects()
  const ledger = new Ledger()
  const [first, second] = [1, 2].map((id) => new Incarnation(id, storedObjects, turns, random, noFaults, ledger))
  const epoch = claimNext(first!.parts)
  let claimed = 0
  void epoch.then((value) => (claimed = value))
  await turns.run(() => claimed > 0)
  void second!.start()
  await turns.run(() => second!.started)
  const late = takeOver(first!.parts, claimed)
  late.catch(() => {})
  await turns.run(() => false)
  await expect(late).rejects.toThrow(Superseded)
})

test('S3 WAL: a stale list of an incarnation proves nothing about earlier incarnations', async () => {
  const random = prng(6)
  const turns = new Turns(random)
  const storedObjects = new StoredObjects()
  const ledger = new Ledger()
  const [first, second] = [1, 2].map((id) => new Incarnation(id, storedObjects, turns, random, noFaults, ledger))
  void first!.start()
  await turns.run(() => first!.started)
  for (let number = 0; number < 3; number++) first!.append(number === 2)
  await turns.run(() => false)
  const taken = claimNext(second!.parts).then((epoch) => {
    const list = second!.store.list.bind(second!.store)
    let isOld = true
    second!.store.list = async (...asked) => {
      if (!isOld) return list(...asked)
      isOld = false
      return { objects: [], next: undefined }
    }
    return takeOver(second!.parts, epoch)
  })
  await turns.run(() => false)
  expect((await taken).objects.map(({ sequence }) => sequence)).toEqual([3])
})
