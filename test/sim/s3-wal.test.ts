import { expect, test } from 'vitest'
import { below, chance, prng } from '../../src/base/prng.ts'
import { Superseded } from '../../src/wal/s3/s3-wal.ts'
import { claimNext, takeOver } from '../../src/wal/s3/s3-wal-start.ts'
import { decodeS3WalHeader, encodeS3WalHeader, s3WalHeaderBytes } from '../../src/wal/s3/wal-object.ts'
import { seedGroups } from '../support/groups.ts'
import { conclude, Ledger, Life, weathers } from './s3-wal-lives.ts'
import { calm, Shelf, type StoreWeather, Turns } from './s3-wal-world.ts'

async function world(seed: number, weather: StoreWeather): Promise<number> {
  const random = prng(seed)
  const turns = new Turns(random)
  const shelf = new Shelf()
  const ledger = new Ledger()
  const lives: Life[] = []
  for (let id = 1; id <= 6; id++) {
    const life = new Life(id, shelf, turns, random, weather, ledger)
    lives.push(life)
    void life.start()
    // Earlier incarnations continue, suspended or not: nothing has notified them of their end.
    for (let left = 20 + below(random, 60); left > 0; left--) {
      for (const each of lives) if (chance(random, each === life ? 900 : 200)) each.append()
      let turnsLeft = 1 + below(random, 12)
      await turns.run(() => turnsLeft-- === 0)
    }
    await turns.run(() => life.started || life.over !== undefined)
    expect(life.over, `life ${id} starts`).toBeUndefined()
    const fate = below(random, 3)
    // Ends at once: its requests never complete, except late ones.
    if (fate === 0) life.store.asleep = new Promise(() => {})
    if (fate === 1) {
      let wake = (): void => {}
      life.store.asleep = new Promise((resolve) => (wake = resolve))
      let sleepLeft = below(random, 300)
      const sleep = (): void => void turns.later(() => (sleepLeft-- > 0 ? sleep() : wake()))
      sleep()
    }
  }
  await conclude(turns, () => new Life(98, shelf, turns, random, calm, ledger), ledger)
  // The next incarnation finds objects that arrived after a fence and after the last check.
  const last = await conclude(turns, () => new Life(99, shelf, turns, random, calm, ledger), ledger)
  const kinds = [...shelf].map(([key, bytes]) => ({ key, ...decodeS3WalHeader(bytes)! }))
  expect(kinds.filter(({ epoch, kind }) => epoch < last.epoch && kind !== 'fence').map(({ key, kind }) => `${kind} ${key}`)).toEqual([])
  // Only one of them may continue: each detects its state with an append.
  for (const life of lives) life.append()
  await turns.run(() => false)
  expect(ledger.problems).toEqual([])
  expect(lives.filter((life) => life.started && life.over === undefined && life.pending === 0)).toEqual([])
  return ledger.kept.size
}

const firstSeed = Number(process.env['SEED'] ?? 1)
const seedCount = Number(process.env['SEEDS'] ?? 150)

test.each(seedGroups(firstSeed, seedCount, 25))(
  'S3 WAL: no acknowledged record is lost or repeated, and one node owns it, while owners sleep, die and wake (seeds from %i)',
  async (...seeds) => {
    let acknowledged = 0
    for (const seed of seeds) {
      try {
        acknowledged += await world(seed, weathers[seed % weathers.length]!)
      } catch (error) {
        throw new Error(`${(error as Error).message} (again with SEED=${seed} SEEDS=1)`, { cause: error })
      }
    }
    expect(acknowledged).toBeGreaterThan(seeds.length * 20)
  },
)

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
  const shelf = new Shelf()
  const ledger = new Ledger()
  const [first, second] = [1, 2].map((id) => new Life(id, shelf, turns, random, calm, ledger))
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
  const shelf = new Shelf()
  const ledger = new Ledger()
  const [first, second] = [1, 2].map((id) => new Life(id, shelf, turns, random, calm, ledger))
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
