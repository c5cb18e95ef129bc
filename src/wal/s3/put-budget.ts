import { assert } from '../../base/assert.ts'

/** The average rate holds over this time: a bucket contains the puts of one minute. */
const windowMs = 60_000
/** A bucket contains at least one token. */
export const intervalMsMax = windowMs

/**
 * Limits the average rate of puts: a token bucket that contains the puts of one minute and is full at the start. Every put takes a token; a
 * token returns after each interval.
 *
 * The bucket also sets the pace. A node with a full bucket puts at once. Each put lengthens the pause before the next one, by the square of
 * the used share of the bucket, up to the interval when the bucket is empty. Without the pauses, a busy producer would take all tokens
 * within seconds, and its latency would change from one put to one interval at once. With them it changes over half a minute. The square
 * keeps the pauses short for a burst: after half of the tokens, a pause is a quarter of the interval.
 *
 * The only state is two points in time, so tokens neither drift nor accumulate rounding errors.
 */
export class PutBudget {
  readonly #intervalMs: number
  readonly #now: () => number
  /** The time at which the bucket is full. */
  #fullAt = Number.NEGATIVE_INFINITY
  /** The time of the next put. */
  #nextAt = Number.NEGATIVE_INFINITY

  /** `now` is a monotonic clock, in milliseconds. An interval of 0 is no limit. */
  constructor(intervalMs: number, now: () => number) {
    assert(intervalMs >= 0 && intervalMs <= windowMs, 'the bucket contains at least one token')
    this.#intervalMs = intervalMs
    this.#now = now
  }

  /** Time until a put is due; 0 when it is. */
  get waitMs(): number {
    return this.#intervalMs === 0 ? 0 : Math.max(0, this.#nextAt - this.#now())
  }

  /** Counts a put. A put that does not wait takes what is left of a token, so the bucket is never less than empty. */
  take(): void {
    if (this.#intervalMs === 0) return
    const now = this.#now()
    this.#fullAt = Math.min(Math.max(this.#fullAt, now) + this.#intervalMs, now + windowMs)
    const used = (this.#fullAt - now) / windowMs
    const tokenAt = this.#fullAt + this.#intervalMs - windowMs
    // Pauses of less than a millisecond are left out: a timer would make them longer.
    this.#nextAt = Math.max(tokenAt, now + Math.floor(this.#intervalMs * used * used))
  }
}
