import type { Time } from '../ports/time.ts'

/** A task that is repeated, with at most one run at a time. */
export class PeriodicTask {
  readonly #time: Time
  readonly #work: () => Promise<void>
  readonly #onError: (error: Error) => void
  #cancel: () => void = () => {}
  #working: Promise<void> | undefined

  constructor(time: Time, work: () => Promise<void>, onError: (error: Error) => void) {
    this.#time = time
    this.#work = work
    this.#onError = onError
  }

  every(ms: number): void {
    this.#cancel = this.#time.after(ms, () => {
      this.every(ms)
      void this.now()
    })
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
    this.#cancel()
    await this.#working
  }
}
