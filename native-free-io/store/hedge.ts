import { ByteBudget } from '../../src/base/byte-budget.ts'
import { type RetryClock, worldClock } from './attempts.ts'

/** Number of recorded times, minimum number for an estimate, and number of new times before the next estimate. */
const timesMax = 256
const timesMin = 64
const freshMax = 16
const quantile = 0.99
/** Minimum delay of a second request: timers and garbage collection take this long. */
const lateMsMin = 20

/** Maximum number of second requests at a time, for all hedges of a store. */
export const newHedges = (): ByteBudget => new ByteBudget(5)

/**
 * Hedged requests of one kind, without side effects. A request that takes longer than nearly all earlier ones is sent a second time. The
 * first good answer counts, and the other request is cancelled (Dean and Barroso, The Tail at Scale, 2013).
 */
export class Hedge<T> {
  readonly #isGood: (answer: T) => boolean
  readonly #seconds: ByteBudget
  readonly #clock: Pick<RetryClock, 'now' | 'sleep'>
  readonly #times: number[] = []
  #next = 0
  #fresh = 0
  #lateMs = Number.POSITIVE_INFINITY

  constructor(seconds: ByteBudget, isGood: (answer: T) => boolean, clock: Pick<RetryClock, 'now' | 'sleep'> = worldClock) {
    this.#clock = clock
    this.#seconds = seconds
    this.#isGood = isGood
  }

  /** `call` must end soon after its signal is aborted. When this resolves, no cancelled request is in progress. */
  async run(signal: AbortSignal, call: (signal: AbortSignal, isSecond: boolean) => Promise<T>): Promise<T> {
    const began = this.#clock.now()
    const first = startCall(signal, (own) => call(own, false))
    const answer =
      (await this.#isLate(first.answer)) && this.#seconds.take(1) ? await this.#either(first, signal, call) : await first.answer
    if (this.#isGood(answer)) this.#took(this.#clock.now() - began)
    return answer
  }

  /** True when there is no answer after the time in which nearly all arrive. */
  async #isLate(answer: Promise<T>): Promise<boolean> {
    if (this.#lateMs === Number.POSITIVE_INFINITY) return false
    const over = new AbortController()
    const late = this.#clock.sleep(this.#lateMs, over.signal).then(
      () => true,
      () => false,
    )
    return Promise.race([late, answer.then(() => false)]).finally(() => over.abort())
  }

  async #either(first: StartedCall<T>, signal: AbortSignal, call: (signal: AbortSignal, isSecond: boolean) => Promise<T>): Promise<T> {
    const second = startCall(signal, (own) => call(own, true))
    try {
      const { answer, by } = await Promise.race([first, second].map(async (by) => ({ answer: await by.answer, by })))
      const other = by === first ? second : first
      if (!this.#isGood(answer)) return await other.answer
      other.abort()
      await other.answer
      return answer
    } finally {
      this.#seconds.release(1)
    }
  }

  #took(ms: number): void {
    this.#times[this.#next] = ms
    this.#next = (this.#next + 1) % timesMax
    if (++this.#fresh < freshMax || this.#times.length < timesMin) return
    this.#fresh = 0
    const sorted = this.#times.toSorted((a, b) => a - b)
    this.#lateMs = Math.max(lateMsMin, sorted[Math.floor(sorted.length * quantile)]!)
  }
}

interface StartedCall<T> {
  readonly answer: Promise<T>
  abort(): void
}

function startCall<T>(signal: AbortSignal, call: (signal: AbortSignal) => Promise<T>): StartedCall<T> {
  const own = new AbortController()
  const abort = (): void => own.abort()
  // By hand: in some versions of Node, the result of `AbortSignal.any` lives as long as its longest-lived source.
  signal.addEventListener('abort', abort)
  if (signal.aborted) abort()
  return { answer: call(own.signal).finally(() => signal.removeEventListener('abort', abort)), abort }
}
