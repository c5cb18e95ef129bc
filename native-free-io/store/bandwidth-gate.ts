import { setTimeout as sleep } from 'node:timers/promises'
import { type BandwidthBudget, type Priority, pieceBytesMax, priorities } from '../../src/object-store/bandwidth.ts'
import { isFault } from '../../src/object-store/store-faults.ts'
import type { ListPage, ObjectStore, ObjectUpload, StoreFault } from '../../src/ports/object-store.ts'

/**
 * A clock with the same value in all threads. `performance` differs: each thread counts from its own start, based on a wall clock that may
 * have been set in between.
 */
const sharedMs = (): number => Number(process.hrtime.bigint()) / 1e6

/** The clock of a gate. Milliseconds; `now` has the same value in all threads. Tests pass their own. */
export interface GateClock {
  now(): number
  sleep(ms: number): Promise<unknown>
}

const machineClock: GateClock = { now: sharedMs, sleep: (ms) => sleep(ms) }

/** Queue of one thread's requests that wait for bandwidth, in order of arrival for each priority. */
export class BandwidthGate {
  readonly #budget: BandwidthBudget
  readonly #clock: GateClock
  readonly #last = new Map<Priority, Promise<void>>(priorities.map((priority) => [priority, Promise.resolve()]))

  constructor(budget: BandwidthBudget, clock: GateClock = machineClock) {
    this.#budget = budget
    this.#clock = clock
  }

  /** Resolves when the bytes may be sent. */
  pass(priority: Priority, bytes: number): Promise<void> {
    if (bytes === 0) return Promise.resolve()
    this.#budget.enter(priority)
    const passed = this.#last.get(priority)!.then(() => this.#take(priority, bytes))
    this.#last.set(priority, passed)
    return passed
  }

  async #take(priority: Priority, bytes: number): Promise<void> {
    try {
      for (let left = bytes; left > 0; left -= pieceBytesMax) {
        for (let pause = -1; pause !== 0; ) {
          pause = this.#budget.take(priority, Math.min(left, pieceBytesMax), this.#clock.now())
          if (pause > 0) await this.#clock.sleep(pause)
        }
      }
    } finally {
      this.#budget.leave(priority)
    }
  }
}

/** Gates for both directions; the same gate for both if they share one budget. */
export interface Gates {
  readonly received: BandwidthGate
  readonly sent: BandwidthGate
}

/** A store with transfers limited by the budget. Copies inside the store are not transfers and do not wait. */
export function budgeted(store: ObjectStore, gates: Gates, priority: Priority): ObjectStore {
  return new BudgetedStore(store, gates, priority)
}

class BudgetedStore implements ObjectStore {
  readonly #store: ObjectStore
  readonly #gates: Gates
  readonly #priority: Priority

  constructor(store: ObjectStore, gates: Gates, priority: Priority) {
    this.#store = store
    this.#gates = gates
    this.#priority = priority
  }

  get can(): ObjectStore['can'] {
    return this.#store.can
  }

  async put(key: string, pieces: readonly Uint8Array[], options?: { readonly ifAbsent?: boolean }): Promise<StoreFault | undefined> {
    await this.#gates.sent.pass(this.#priority, sizeOf(pieces))
    return this.#store.put(key, pieces, options)
  }

  async get(key: string, start: number, end: number, into?: Uint8Array): Promise<Uint8Array | StoreFault> {
    const pass = (bytes: number): Promise<void> => this.#gates.received.pass(this.#priority, bytes)
    // A read of unknown size takes bandwidth when its size is known.
    if (!Number.isFinite(end)) {
      const answer = await this.#store.get(key, start, end, into)
      if (!isFault(answer)) await pass(answer.length)
      return answer
    }
    const bytes = Math.max(0, end - start)
    await pass(bytes)
    // A repeated request is late already: it does not wait, but later requests do.
    return this.#store.get(key, start, end, into, () => void pass(bytes))
  }

  upload(key: string): ObjectUpload {
    const upload = this.#store.upload(key)
    const pass = (bytes: number): Promise<void> => this.#gates.sent.pass(this.#priority, bytes)
    return {
      get bytes() {
        return upload.bytes
      },
      append: (pieces) => pass(sizeOf(pieces)).then(() => upload.append(pieces)),
      copy: (from, start, end) => upload.copy(from, start, end),
      complete: () => upload.complete(),
      abort: () => upload.abort(),
    }
  }

  size(key: string): Promise<number | StoreFault> {
    return this.#store.size(key)
  }

  remove(keys: readonly string[]): Promise<StoreFault | undefined> {
    return this.#store.remove(keys)
  }

  list(prefix: string, from?: string, after?: string): Promise<ListPage | StoreFault> {
    return this.#store.list(prefix, from, after)
  }

  abandonUploads(prefix: string, beforeMs: number): Promise<number | StoreFault> {
    return this.#store.abandonUploads(prefix, beforeMs)
  }

  close(): Promise<void> {
    return this.#store.close()
  }
}

const sizeOf = (pieces: readonly Uint8Array[]): number => pieces.reduce((sum, { length }) => sum + length, 0)
