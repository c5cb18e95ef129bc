import { assert } from '../base/assert.ts'

/**
 * How many requests a store is given at a time: one more for each round that goes well, half as many when it asks for fewer.
 * Requests that answer the same overload halve it once.
 */
export class Concurrency {
  readonly max: number
  #limit: number
  #running = 0
  /** Requests that began before the last cut say nothing new. */
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

  /** A ticket to hand back at the end; undefined when there are as many as there may be. */
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
