import { below, chance, type Prng } from '../../src/base/prng.ts'
import type { ListPage, ObjectStore, ObjectUpload, StoreFault } from '../../src/ports/object-store.ts'

type Job = () => void

/** Simulated time that advances only when all tasks wait. Due jobs run one at a time, in an order determined by a seed. */
export class Turns {
  readonly #random: Prng
  #jobs: Job[] = []
  /** Number of jobs run so far. */
  count = 0

  constructor(random: Prng) {
    this.#random = random
  }

  /** Runs the job at a later time. */
  later<T>(work: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#jobs.push(() => {
        try {
          resolve(work())
        } catch (error) {
          reject(error as Error)
        }
      })
    })
  }

  /** Runs due jobs until `isDone`, or until there are none. Returns false if it was never done. */
  async run(isDone: () => boolean, turnsMax = 100_000): Promise<boolean> {
    for (let turn = 0; turn < turnsMax; turn++) {
      for (let i = 0; i < 20; i++) await Promise.resolve()
      if (isDone()) return true
      if (this.#jobs.length === 0) return false
      const [job] = this.#jobs.splice(below(this.#random, this.#jobs.length), 1)
      this.count++
      job!()
    }
    throw new Error('the simulation does not end')
  }
}

/** Per 1000 requests: how many are lost before execution, executed without a response, or executed long after they are abandoned. */
export interface FaultRates {
  readonly lost: number
  readonly unanswered: number
  readonly late: number
  /** Every second list shows an older state. */
  readonly listsLag?: boolean
  /** All lists show the state of this many turns ago. */
  readonly lagTurns?: number
  /** Late requests may be late by this many turns instead of a few. */
  readonly lateTurns?: number
}

const listsKept = 6

export const noFaults: FaultRates = { lost: 0, unanswered: 0, late: 0 }

/** The objects, shared by all stores. */
export class StoredObjects extends Map<string, Buffer> {
  /** Keys in the most recent lists, the oldest list first. */
  readonly listed: (readonly string[])[] = [[]]
  readonly changes: { readonly turn: number; readonly key: string; readonly isThere: boolean }[] = []

  /** The keys at a turn. */
  keysAt(turn: number): readonly string[] {
    const keys = new Set<string>()
    for (const change of this.changes) {
      if (change.turn > turn) break
      if (change.isThere) keys.add(change.key)
      else keys.delete(change.key)
    }
    return [...keys].sort()
  }
}

/**
 * A store from the side of one incarnation. A late put may be executed long after its fault was returned, even after the incarnation has
 * ended.
 */
export class RandomFaultStore implements ObjectStore {
  readonly can = { conditionalPut: true }
  readonly #storedObjects: StoredObjects
  readonly #turns: Turns
  readonly #random: Prng
  readonly #faultRates: FaultRates
  #lags = false
  #shown: readonly string[] = []
  /** Requests wait while the incarnation is suspended. */
  asleep: Promise<void> | undefined

  constructor(storedObjects: StoredObjects, turns: Turns, random: Prng, faultRates: FaultRates) {
    this.#storedObjects = storedObjects
    this.#turns = turns
    this.#random = random
    this.#faultRates = faultRates
  }

  async put(key: string, pieces: readonly Uint8Array[], { ifAbsent = false } = {}): Promise<StoreFault | undefined> {
    const bytes = Buffer.concat(pieces)
    return this.#request('put', key, () => {
      if (ifAbsent && this.#storedObjects.has(key)) return fault('exists', 'put', key, false)
      this.#storedObjects.set(key, bytes)
      this.#storedObjects.changes.push({ turn: this.#turns.count, key, isThere: true })
      return undefined
    })
  }

  async get(key: string, start: number, end: number): Promise<Uint8Array | StoreFault> {
    return this.#request('get', key, () => this.#storedObjects.get(key)?.subarray(start, end) ?? fault('missing', 'get', key, false))
  }

  async size(key: string): Promise<number | StoreFault> {
    return this.#request('size', key, () => this.#storedObjects.get(key)?.length ?? fault('missing', 'size', key, false))
  }

  async remove(keys: readonly string[]): Promise<StoreFault | undefined> {
    return this.#request('remove', keys[0]!, () => {
      for (const key of keys) {
        this.#storedObjects.delete(key)
        this.#storedObjects.changes.push({ turn: this.#turns.count, key, isThere: false })
      }
      return undefined
    })
  }

  async list(prefix: string, from = '', after = ''): Promise<ListPage | StoreFault> {
    return this.#request('list', prefix, () => {
      if (from === '') this.#shown = this.#allKeys()
      const keys = this.#shown.filter((key) => key.startsWith(prefix) && key > from && key > after)
      const page = keys.slice(0, 7)
      return { objects: page.map((key) => ({ key, bytes: 1, modifiedMs: 0 })), next: page.length < keys.length ? page.at(-1) : undefined }
    })
  }

  upload(): ObjectUpload {
    throw new Error('the S3 WAL has no large objects')
  }
  abandonUploads(): Promise<number> {
    return Promise.resolve(0)
  }
  close(): Promise<void> {
    return Promise.resolve()
  }

  #allKeys(): readonly string[] {
    const { lagTurns } = this.#faultRates
    if (lagTurns !== undefined) return this.#storedObjects.keysAt(this.#turns.count - lagTurns)
    const { listed } = this.#storedObjects
    const keys = [...this.#storedObjects.keys()].sort()
    if (listed.push(keys) > listsKept) listed.shift()
    this.#lags = this.#faultRates.listsLag === true && !this.#lags
    return this.#lags ? listed[0]! : keys
  }

  async #request<T>(operation: StoreFault['operation'], key: string, work: () => T): Promise<T | StoreFault> {
    await this.#turns.later(() => {})
    await this.asleep
    const { lost, unanswered, late, lateTurns = 2 } = this.#faultRates
    if (chance(this.#random, lost)) return this.#turns.later(() => fault('unavailable', operation, key, false))
    if (chance(this.#random, unanswered)) {
      await this.#turns.later(work)
      return this.#turns.later(() => fault('timeout', operation, key, true))
    }
    if (chance(this.#random, late)) {
      const wait = (left: number): Promise<unknown> => this.#turns.later(() => (left > 0 ? wait(left - 1) : work()))
      void wait(lateTurns === 2 ? 2 : below(this.#random, lateTurns))
      return this.#turns.later(() => fault('timeout', operation, key, true))
    }
    const done = await this.#turns.later(work)
    await this.asleep
    return done
  }
}

const fault = (kind: StoreFault['fault'], operation: StoreFault['operation'], key: string, mayBeDone: boolean): StoreFault => ({
  fault: kind,
  operation,
  key,
  detail: 'simulated',
  attempts: 1,
  mayBeDone,
})
