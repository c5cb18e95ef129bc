import { setMaxListeners } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { Concurrency } from '../../src/object-store/concurrency.ts'
import { pauseBefore, retryTable } from '../../src/object-store/retry-policy.ts'
import type { FaultKind, StoreFault, StoreOperation } from '../../src/ports.ts'

/** One try that failed. */
export interface RequestFailure {
  readonly trouble: FaultKind
  readonly detail: string
  /** The store may have done it. */
  readonly mayBeDone: boolean
  /** No further try: there are too many already. */
  readonly isFinal?: true
}

/** What has no effect cannot have had one. */
const reads: readonly StoreOperation[] = ['get', 'size', 'list']

export const isTrouble = (answer: unknown): answer is RequestFailure => typeof answer === 'object' && answer !== null && 'trouble' in answer

/** Time and chance, which tests hand in. */
export interface RetryClock {
  now(): number
  sleep(ms: number, signal: AbortSignal): Promise<unknown>
  random(): number
}

const world: RetryClock = {
  now: () => performance.now(),
  sleep: (ms, signal) => wait(ms, undefined, { signal }),
  random: Math.random,
}

/** Requests at the same time, over all operations of one store. */
const concurrencyMax = 64
/** Requests that wait for their turn; more than that are told that the store is throttled. */
const waitingMax = 4096

/** What an operation may know of its tries. */
export interface Attempt {
  readonly signal: AbortSignal
  /** A try before this one may have been done all the same. */
  readonly mayBeDone: boolean
  /** What is left of the operation's time. */
  readonly leftMs: number
}

/** The one place where requests to a store are repeated, paced and given up. */
export class Attempts {
  readonly #rhythm: RetryClock
  readonly #concurrency = new Concurrency(concurrencyMax)
  readonly #waiting: (() => void)[] = []
  readonly #closing = new AbortController()
  /** Tries that were not the first, since the beginning. */
  retries = 0

  constructor(rhythm: RetryClock = world) {
    this.#rhythm = rhythm
    // Everything under way listens for the end.
    setMaxListeners(0, this.#closing.signal)
  }

  get concurrency(): number {
    return this.#concurrency.limit
  }

  /** Runs `once` until it gives an answer, or a trouble that no further try would mend within `totalMs`. */
  async run<T>(
    operation: StoreOperation,
    key: string,
    totalMs: number,
    once: (attempt: Attempt) => Promise<T | RequestFailure>,
  ): Promise<T | StoreFault> {
    const { signal } = this.#closing
    const began = this.#rhythm.now()
    let mayBeDone = false
    for (let tries = 1; ; tries++) {
      const answer = signal.aborted
        ? closed
        : await this.#paced(() => once({ signal, mayBeDone, leftMs: began + totalMs - this.#rhythm.now() }), operation)
      if (!isTrouble(answer)) return answer
      mayBeDone ||= answer.mayBeDone && !reads.includes(operation)
      const elapsedMs = this.#rhythm.now() - began
      const { trouble } = signal.aborted ? closed : answer
      const pause = pauseBefore(retryTable[operation], { fault: trouble, tries, elapsedMs, totalMs, random: this.#rhythm.random() })
      if (pause === undefined || answer.isFinal)
        return { fault: trouble, operation, key, detail: answer.detail, attempts: tries, mayBeDone }
      this.retries++
      await this.#rhythm.sleep(pause, signal).catch(() => {})
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
        return { trouble: 'throttled', detail: `${waitingMax} requests wait already`, mayBeDone: false, isFinal: true }
      await new Promise<void>((go) => {
        // What is read now is waited for by somebody; what is removed, by nobody.
        if (operation === 'get') this.#waiting.unshift(go)
        else this.#waiting.push(go)
      })
      if (this.#closing.signal.aborted) return closed
      ticket = this.#concurrency.begin()
    }
    let isThrottled = false
    try {
      const answer = await once()
      isThrottled = isTrouble(answer) && answer.trouble === 'throttled'
      return answer
    } finally {
      this.#concurrency.end(ticket, isThrottled)
      for (let free = this.#concurrency.limit - this.#concurrency.running; free > 0; free--) this.#waiting.shift()?.()
    }
  }
}

const closed: RequestFailure = { trouble: 'closed', detail: 'the store was closed', mayBeDone: false }
