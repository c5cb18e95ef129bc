/** A task that is repeated, with at most one run at a time. */
export class PeriodicTask {
  readonly #work: () => Promise<void>
  readonly #onError: (error: Error) => void
  #timer: NodeJS.Timeout | undefined
  #working: Promise<void> | undefined

  constructor(work: () => Promise<void>, onError: (error: Error) => void) {
    this.#work = work
    this.#onError = onError
  }

  every(ms: number): void {
    this.#timer = setInterval(() => void this.now(), ms).unref()
  }

  /** Resolves at the end of a run: the current one, if there is one. */
  now(): Promise<void> {
    this.#working ??= this.#work()
      .catch(this.#onError)
      .finally(() => {
        this.#working = undefined
      })
    return this.#working
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#working
  }
}
