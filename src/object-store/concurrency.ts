import { assert } from '../base/assert.ts'

/**
 * Limit of concurrent requests to a store. It grows by one for each round of successful requests, and is halved when the store throttles.
 * Requests throttled by the same overload halve it once.
 */
export class Concurrency {
  readonly max: number
  #limit: number
  #running = 0
  /** Requests that started before the last reduction are ignored. */
  #epoch = 0

  constructor(max: number) {
    assert(max >= 1, 'one request at a time is the least')
    this.max = max
    this.#limit = max
  }

  get limit(): number {
    return Math.floor(this.#limit)
  }

  get running(): number {
    return this.#running
  }

  /** Returns a ticket for `end`; undefined when the limit is reached. */
  begin(): number | undefined {
    if (this.#running >= this.limit) return undefined
    this.#running++
    return this.#epoch
  }

  end(ticket: number, isThrottled: boolean): void {
    assert(this.#running > 0, 'what ends has begun')
    this.#running--
    if (!isThrottled) this.#limit = Math.min(this.max, this.#limit + 1 / this.#limit)
    else if (ticket === this.#epoch) {
      this.#epoch++
      this.#limit = Math.max(1, this.#limit / 2)
    }
  }
}
