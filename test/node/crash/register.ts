/**
 * One value that a broker keeps and a single writer changes in steps. After a crash, it is the result of the last acknowledged step, or of
 * a later one.
 */
export class Register<T> {
  /** Number of acknowledged steps. */
  acknowledged = 0
  readonly #name: string
  readonly #show: (value: T) => string
  /** Possible values, by step; the first is known to be valid. */
  #made: { readonly step: number; readonly value: T }[]
  #steps = 0

  /** Values with the same text are equal. */
  constructor(name: string, value: T, show: (value: T) => string = String) {
    this.#name = name
    this.#show = show
    this.#made = [{ step: 0, value }]
  }

  /** The value after all requested steps. */
  get last(): T {
    return this.#made.at(-1)!.value
  }

  /** Records a requested step. The returned function must be called when the response has arrived. */
  attempt(value: T): () => void {
    const step = ++this.#steps
    this.#made.push({ step, value })
    return () => {
      this.acknowledged++
      this.#made = this.#made.filter((made) => made.step >= step)
    }
  }

  /** Records the value found by a read without a request in progress. */
  found(value: T): void {
    const shown = this.#show(value)
    const known = this.#made.map((made) => this.#show(made.value))
    if (!known.includes(shown)) {
      const [held, ...attempted] = known
      throw new Error(`${this.#name} is ${shown}; ${held} was acknowledged, then requested: ${attempted.join(', ') || 'nothing'}`)
    }
    this.#made = [{ step: this.#steps, value }]
  }
}
