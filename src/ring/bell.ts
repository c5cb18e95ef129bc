/**
 * How a thread sleeps without missing work, and is woken at the price of one load when it is awake.
 *
 * The sleeper says that it is asleep, looks at all its sources once more, and only then waits; a producer publishes,
 * and only then looks at the bell. Both orders are sequentially consistent, so one of the two sees the other.
 */
export class Bell {
  readonly #words: Int32Array
  readonly #at: number

  /** `at` is the index of a word that nothing else uses. */
  constructor(words: Int32Array, at: number) {
    this.#words = words
    this.#at = at
  }

  /** Wakes the owner if it sleeps. Call after publishing. */
  ring(): void {
    if (Atomics.load(this.#words, this.#at) === 1 && Atomics.compareExchange(this.#words, this.#at, 1, 0) === 1) {
      Atomics.notify(this.#words, this.#at, 1)
    }
  }

  /** Blocks the thread until rung, or for `millis`. `idle` is the last look at every source. */
  sleep(idle: () => boolean, millis: number): void {
    Atomics.store(this.#words, this.#at, 1)
    if (idle()) Atomics.wait(this.#words, this.#at, 1, millis)
    Atomics.store(this.#words, this.#at, 0)
  }

  /**
   * Arranges for `wake` to run on this thread's event loop when the bell is rung. False when there is work already.
   * It keeps no event loop alive: the thread needs a handle of its own.
   */
  arm(idle: () => boolean, wake: () => void): boolean {
    Atomics.store(this.#words, this.#at, 1)
    if (!idle()) {
      Atomics.store(this.#words, this.#at, 0)
      return false
    }
    const waiting = Atomics.waitAsync(this.#words, this.#at, 1)
    if (!waiting.async) return false
    void waiting.value.then(wake)
    return true
  }
}
