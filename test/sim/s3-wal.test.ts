import { expect, test } from 'vitest'
import { below, chance, type Prng, prng } from '../../src/base/prng.ts'
import { type S3WalParts, Superseded } from '../../src/wal/s3/s3-wal.ts'
import { claimNext, readBody, takeOver } from '../../src/wal/s3/s3-wal-start.ts'
import { S3WalWriter } from '../../src/wal/s3/s3-wal-writer.ts'
import { decodeS3WalHeader, encodeS3WalHeader, noMark, s3WalHeaderBytes } from '../../src/wal/s3/wal-object.ts'
import { crc32c } from '../../src/wire/crc32c.ts'
import { seedGroups } from '../support/groups.ts'
import { calm, Shelf, type StoreWeather, Turns, WeatherStore } from './s3-wal-world.ts'

const prefix = 'c/wal/1/'

/** Acknowledgements of all incarnations together: which one has acknowledged each number, and below which number none is needed. */
class Ledger {
  readonly kept = new Map<number, number>()
  readonly problems: string[] = []
  dropped = 0
  end = 0

  acknowledge(life: Life, number: number, trimmed: number): void {
    const other = this.kept.get(number)
    if (other !== undefined) this.problems.push(`life ${life.id} acknowledges number ${number}, and life ${other} has`)
    if (life.over !== undefined) this.problems.push(`life ${life.id} acknowledges number ${number} when it is over`)
    this.problems.push(...life.validationErrors.splice(0))
    this.kept.set(number, life.id)
    this.dropped = Math.max(this.dropped, trimmed)
    this.end = Math.max(this.end, number + 1)
  }

  /** The objects found by a start must include all needed ones, have no gap, and contain all acknowledged numbers. */
  check(life: Life): void {
    const { found, validationErrors } = life
    found.forEach(({ number }, index) => {
      if (index > 0 && number !== found[index - 1]!.number + 1) validationErrors.push(`life ${life.id} finds a gap before ${number}`)
    })
    const held = new Map(found.map(({ number, by }) => [number, by]))
    for (let number = Math.max(this.dropped, life.dropBelow); number < this.end; number++) {
      const by = this.kept.get(number)
      if (by === undefined || held.get(number) === by) continue
      validationErrors.push(`life ${life.id} finds ${held.get(number)} at number ${number}, which life ${by} has acknowledged`)
    }
  }
}

/** A node that appends numbers, each once, in order, and drops the oldest from time to time. */
class Life {
  readonly store: WeatherStore
  readonly parts: S3WalParts
  readonly id: number
  found: { readonly number: number; readonly by: number }[] = []
  epoch = 0
  over: Error | undefined
  started = false
  /** Problems with the objects found. They count only if the incarnation is valid: a suspended one detects its end at its first append. */
  readonly validationErrors: string[] = []
  #writer: S3WalWriter | undefined
  #next = 0
  /** Numbers below are unneeded according to the log, even if no incarnation has been notified. */
  dropBelow = 0
  readonly #random: Prng
  readonly #ledger: Ledger

  constructor(id: number, shelf: Shelf, turns: Turns, random: Prng, weather: StoreWeather, ledger: Ledger) {
    this.id = id
    this.store = new WeatherStore(shelf, turns, random, weather)
    this.parts = {
      store: this.store,
      prefix,
      owner: { high: id, low: below(random, 2 ** 31) },
      pause: () => turns.later(() => {}),
      now: () => turns.count,
      keepMs: 2 * (weather.lagTurns ?? 0),
      onFault: () => {},
    }
    this.#random = random
    this.#ledger = ledger
  }

  async start(): Promise<void> {
    try {
      const epoch = await claimNext(this.parts)
      this.epoch = epoch
      const { objects, others } = await takeOver(this.parts, epoch)
      this.dropBelow = Math.max(0, ...objects.map(({ mark }) => mark.trimmed))
      // Unneeded objects may be in removal.
      for (const object of objects.filter(({ mark }) => mark.position >= this.dropBelow)) {
        const [number, by] = new Uint32Array(new Uint8Array(await readBody(this.parts, object)).buffer)
        this.found.push({ number: number!, by: by! })
      }
      this.#next = (objects.at(-1)?.mark.position ?? -1) + 1
      const kept = objects.map(({ epoch: e, sequence, mark }) => ({ epoch: e, sequence, end: mark.position + 1 }))
      this.#writer = new S3WalWriter(this.parts, { epoch, kept, others }, (error) => (this.over = error))
      this.started = true
      this.#ledger.check(this)
    } catch (error) {
      this.over = error as Error
    }
  }

  append(dropsAll = false): void {
    const writer = this.#writer
    if (writer === undefined || this.over !== undefined || writer.pending > 5) return
    const number = this.#next++
    if (chance(this.#random, 200) && this.#ledger.end > this.dropBelow) {
      this.dropBelow = Math.min(number, this.dropBelow + below(this.#random, this.#ledger.end - this.dropBelow))
    }
    if (dropsAll) this.dropBelow = number
    const trimmed = this.dropBelow
    const body = new Uint8Array(Uint32Array.of(number, this.id).buffer)
    const mark = { ...noMark, position: number, trimmed }
    const content = {
      kind: 'piece',
      mark,
      pieces: [body],
      bodyBytes: 8,
      bodyCrc: crc32c(body),
      end: number + 1,
      dropBelow: trimmed,
    } as const
    void writer.append(content).then(() => this.#ledger.acknowledge(this, number, trimmed))
  }

  get pending(): number {
    return this.#writer?.pending ?? 0
  }
}

const storm: StoreWeather = { lost: 100, unheard: 100, late: 100 }
const weathers = [
  calm,
  storm,
  { ...calm, listsLag: true },
  { ...storm, listsLag: true },
  { ...calm, lagTurns: 300 },
  { ...storm, lagTurns: 150 },
  { ...storm, lateTurns: 100 },
]

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

/** An incarnation that finds all objects, drops them, and leaves only the fences of earlier incarnations. */
async function conclude(turns: Turns, begin: () => Life, ledger: Ledger): Promise<Life> {
  const life = begin()
  void life.start()
  await turns.run(() => life.started || life.over !== undefined)
  expect(life.over).toBeUndefined()
  await turns.run(() => false)
  expect([...ledger.problems, ...life.validationErrors]).toEqual([])
  life.append(true)
  await turns.run(() => false)
  expect(life.pending).toBe(0)
  return life
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
