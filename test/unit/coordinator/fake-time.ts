interface Timer {
  readonly at: number
  readonly wake: () => void
}

/** A clock that advances only when the test advances it. */
export class FakeTime {
  #now = 1_700_000_000_000
  readonly #timers = new Set<Timer>()

  now(): number {
    return this.#now
  }

  /** Number of timers that have not fired. */
  get pending(): number {
    return this.#timers.size
  }

  after(ms: number, wake: () => void): () => void {
    const timer = { at: this.#now + ms, wake }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  /** Runs all timers that are due within `ms`, in order, with their consequences in between. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms
    for (;;) {
      await settled()
      const [next] = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)
      if (next === undefined) break
      this.#timers.delete(next)
      this.#now = Math.max(this.#now, next.at)
      next.wake()
    }
    this.#now = end
  }
}

/** Pending asynchronous work has run. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
