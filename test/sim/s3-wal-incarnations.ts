import { expect } from 'vitest'
import { below, chance, type Prng } from '../../src/base/prng.ts'
import type { S3WalParts } from '../../src/wal/s3/s3-wal.ts'
import { claim, claimNext, readBody, takeOver } from '../../src/wal/s3/s3-wal-start.ts'
import { S3WalWriter } from '../../src/wal/s3/s3-wal-writer.ts'
import { noMark } from '../../src/wal/s3/wal-object.ts'
import { crc32c } from '../../src/wire/crc32c.ts'
import { type FaultRates, noFaults, RandomFaultStore, type StoredObjects, type Turns } from './s3-wal-world.ts'

/** Acknowledgements of all incarnations together: which one has acknowledged each number, and below which number none is needed. */
export class Ledger {
  readonly kept = new Map<number, number>()
  readonly problems: string[] = []
  dropped = 0
  end = 0

  acknowledge(incarnation: Incarnation, number: number, trimmed: number): void {
    const other = this.kept.get(number)
    if (other !== undefined) this.problems.push(`incarnation ${incarnation.id} acknowledges number ${number}, and incarnation ${other} has`)
    if (incarnation.over !== undefined) this.problems.push(`incarnation ${incarnation.id} acknowledges number ${number} when it is over`)
    this.problems.push(...incarnation.validationErrors.splice(0))
    this.kept.set(number, incarnation.id)
    this.dropped = Math.max(this.dropped, trimmed)
    this.end = Math.max(this.end, number + 1)
  }

  /** The objects found by a start must include all needed ones, have no gap, and contain all acknowledged numbers. */
  check(incarnation: Incarnation): void {
    const { found, validationErrors } = incarnation
    found.forEach(({ number }, index) => {
      if (index > 0 && number !== found[index - 1]!.number + 1)
        validationErrors.push(`incarnation ${incarnation.id} finds a gap before ${number}`)
    })
    const held = new Map(found.map(({ number, by }) => [number, by]))
    for (let number = Math.max(this.dropped, incarnation.dropBelow); number < this.end; number++) {
      const by = this.kept.get(number)
      if (by === undefined || held.get(number) === by) continue
      validationErrors.push(
        `incarnation ${incarnation.id} finds ${held.get(number)} at number ${number}, which incarnation ${by} has acknowledged`,
      )
    }
  }
}

/** A node that appends numbers, each once, in order, and drops the oldest from time to time. */
export class Incarnation {
  readonly store: RandomFaultStore
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

  constructor(
    id: number,
    storedObjects: StoredObjects,
    turns: Turns,
    random: Prng,
    faultRates: FaultRates,
    ledger: Ledger,
    place: Pick<S3WalParts, 'prefix' | 'formerPrefix'> = { prefix: 'c/wal/1/' },
  ) {
    this.id = id
    this.store = new RandomFaultStore(storedObjects, turns, random, faultRates)
    this.parts = {
      store: this.store,
      ...place,
      owner: { high: id, low: below(random, 2 ** 31) },
      pause: () => turns.later(() => {}),
      now: () => turns.count,
      keepMs: 2 * (faultRates.lagTurns ?? 0),
      onFault: () => {},
    }
    this.#random = random
    this.#ledger = ledger
  }

  /** Claims the next epoch of this log; or of the metadata log with the given prefix, and the same epoch of this one. */
  async start(metadataPrefix?: string): Promise<void> {
    try {
      const epoch = await claimNext({ ...this.parts, prefix: metadataPrefix ?? this.parts.prefix })
      if (metadataPrefix !== undefined && !(await claim(this.parts, epoch))) throw new Error(`epoch ${epoch} is claimed`)
      this.epoch = epoch
      const { objects, others } = await takeOver(this.parts, epoch)
      this.dropBelow = Math.max(0, ...objects.map(({ mark }) => mark.trimmed))
      // Unneeded objects may be in removal.
      for (const object of objects.filter(({ mark }) => mark.position >= this.dropBelow)) {
        const [number, by] = new Uint32Array(new Uint8Array(await readBody(this.parts, object)).buffer)
        this.found.push({ number: number!, by: by! })
      }
      this.#next = (objects.at(-1)?.mark.position ?? -1) + 1
      const kept = objects.map(({ epoch: e, sequence, prefix, mark }) => ({ epoch: e, sequence, prefix, end: mark.position + 1 }))
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

const frequentFaults: FaultRates = { lost: 100, unanswered: 100, late: 100 }
export const faultRateSets = [
  noFaults,
  frequentFaults,
  { ...noFaults, listsLag: true },
  { ...frequentFaults, listsLag: true },
  { ...noFaults, lagTurns: 300 },
  { ...frequentFaults, lagTurns: 150 },
  { ...frequentFaults, lateTurns: 100 },
]

/** An incarnation that finds all objects, drops them, and leaves only the fences of earlier incarnations. */
export async function conclude(turns: Turns, begin: () => Incarnation, ledger: Ledger, metadataPrefix?: string): Promise<Incarnation> {
  const incarnation = begin()
  void incarnation.start(metadataPrefix)
  await turns.run(() => incarnation.started || incarnation.over !== undefined)
  expect(incarnation.over).toBeUndefined()
  await turns.run(() => false)
  expect([...ledger.problems, ...incarnation.validationErrors]).toEqual([])
  incarnation.append(true)
  await turns.run(() => false)
  expect(incarnation.pending).toBe(0)
  return incarnation
}

/** One of three: the incarnation ends at once and its requests never complete, except late ones; it is suspended for a time; it continues. */
export function endOrSuspend(incarnation: Incarnation, turns: Turns, random: Prng): void {
  const fate = below(random, 3)
  if (fate === 0) incarnation.store.asleep = new Promise(() => {})
  if (fate !== 1) return
  let wake = (): void => {}
  incarnation.store.asleep = new Promise((resolve) => (wake = resolve))
  let sleepLeft = below(random, 300)
  const sleep = (): void => void turns.later(() => (sleepLeft-- > 0 ? sleep() : wake()))
  sleep()
}
