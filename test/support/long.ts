interface TestOptions {
  /** In milliseconds; by default that of the project. */
  readonly timeout?: number
  readonly tags?: string[]
}

/** Options of a test that `npm test` leaves out: it runs in `npm run test:long`, and in `.ci/run` in parts. */
export const long = (timeout?: number): TestOptions => ({ ...limit(timeout), tags: ['long'] })

/** The first cases of a kind are short; later ones are long. */
export const longIf = (isLong: boolean, timeout?: number): TestOptions => (isLong ? long(timeout) : limit(timeout))

const limit = (timeout: number | undefined): TestOptions => (timeout === undefined ? {} : { timeout })
