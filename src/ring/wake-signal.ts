/**
 * A wake signal: a thread sleeps without missing work, and a wake-up of an awake thread costs one load.
 *
 * The sleeper sets its word, checks all its sources once more, and only then waits. A producer publishes, and only then reads the
 * word. Both orders are sequentially consistent, so at least one of the two detects the other.
 */
export class WakeSignal {
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

  /** Blocks the thread until signalled, or for `millis`. `idle` is the final check of every source. */
  sleep(idle: () => boolean, millis: number): void {
    Atomics.store(this.#words, this.#at, 1)
    if (idle()) Atomics.wait(this.#words, this.#at, 1, millis)
    Atomics.store(this.#words, this.#at, 0)
  }

  /**
   * Runs `wake` on this thread's event loop when the signal arrives. False when there is work already.
   * It does not keep the event loop alive: the thread needs a handle of its own.
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
