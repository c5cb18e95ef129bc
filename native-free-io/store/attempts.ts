import { setMaxListeners } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { Concurrency } from '../../src/object-store/concurrency.ts'
import { pauseBefore, retryTable } from '../../src/object-store/retry-policy.ts'
import type { FaultKind, StoreFault, StoreOperation } from '../../src/ports/object-store.ts'

/** One failed attempt. */
export interface RequestFailure {
  readonly failure: FaultKind
  readonly detail: string
  /** The store may have performed the operation. */
  readonly mayBeDone: boolean
  /** No retry: too many requests are in progress already. */
  readonly isFinal?: true
}

/** Operations without side effects, for which `mayBeDone` is never set. */
const reads: readonly StoreOperation[] = ['get', 'size', 'list']

export const isFailure = (answer: unknown): answer is RequestFailure => typeof answer === 'object' && answer !== null && 'failure' in answer

/** Time and randomness; tests pass their own. */
export interface RetryClock {
  now(): number
  sleep(ms: number, signal: AbortSignal): Promise<unknown>
  random(): number
}

export const worldClock: RetryClock = {
  now: () => performance.now(),
  sleep: (ms, signal) => wait(ms, undefined, { signal }),
  random: Math.random,
}

/** Maximum number of simultaneous requests, over all operations of one store. */
const concurrencyMax = 64
/** Maximum number of waiting requests; above it, requests fail as throttled. */
const waitingMax = 4096

/** State of an operation's attempts. */
export interface Attempt {
  readonly signal: AbortSignal
  /** An earlier attempt may have succeeded despite its failure. */
  readonly mayBeDone: boolean
  /** Remaining time of the operation. */
  readonly leftMs: number
}

/** The only component that repeats, paces and abandons requests to a store. */
export class Attempts {
  readonly #clock: RetryClock
  readonly #concurrency = new Concurrency(concurrencyMax)
  readonly #waiting: (() => void)[] = []
  readonly #closing = new AbortController()
  /** Number of retries so far. */
  retries = 0

  constructor(clock: RetryClock = worldClock) {
    this.#clock = clock
    // Every operation in progress listens for the close.
    setMaxListeners(0, this.#closing.signal)
  }

  get concurrency(): number {
    return this.#concurrency.limit
  }

  /** Runs `once` until it succeeds, or fails in a way that no retry within `totalMs` would change. */
  async run<T>(
    operation: StoreOperation,
    key: string,
    totalMs: number,
    once: (attempt: Attempt) => Promise<T | RequestFailure>,
  ): Promise<T | StoreFault> {
    const { signal } = this.#closing
    const began = this.#clock.now()
    let mayBeDone = false
    for (let tries = 1; ; tries++) {
      const answer = signal.aborted
        ? closed
        : await this.#paced(() => once({ signal, mayBeDone, leftMs: began + totalMs - this.#clock.now() }), operation)
      if (!isFailure(answer)) return answer
      mayBeDone ||= answer.mayBeDone && !reads.includes(operation)
      const elapsedMs = this.#clock.now() - began
      const { failure } = signal.aborted ? closed : answer
      const pause = pauseBefore(retryTable[operation], { fault: failure, tries, elapsedMs, totalMs, random: this.#clock.random() })
      if (pause === undefined || answer.isFinal)
        return { fault: failure, operation, key, detail: answer.detail, attempts: tries, mayBeDone }
      this.retries++
      await this.#clock.sleep(pause, signal).catch(() => {})
    }
  }

  close(): void {
    this.#closing.abort()
    for (const go of this.#waiting.splice(0)) go()
  }

  async #paced<T>(once: () => Promise<T | RequestFailure>, operation: StoreOperation): Promise<T | RequestFailure> {
    let ticket = this.#concurrency.begin()
    while (ticket === undefined) {
      if (this.#waiting.length >= waitingMax)
        return { failure: 'throttled', detail: `${waitingMax} requests wait already`, mayBeDone: false, isFinal: true }
      await new Promise<void>((go) => {
        // A caller waits for a read, but not for a removal: reads go first.
        if (operation === 'get') this.#waiting.unshift(go)
        else this.#waiting.push(go)
      })
      if (this.#closing.signal.aborted) return closed
      ticket = this.#concurrency.begin()
    }
    let isThrottled = false
    try {
      const answer = await once()
      isThrottled = isFailure(answer) && answer.failure === 'throttled'
      return answer
    } finally {
      this.#concurrency.end(ticket, isThrottled)
      for (let free = this.#concurrency.limit - this.#concurrency.running; free > 0; free--) this.#waiting.shift()?.()
    }
  }
}

const closed: RequestFailure = { failure: 'closed', detail: 'the store was closed', mayBeDone: false }
