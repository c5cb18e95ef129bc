/**
 * One thing that a broker keeps and a single writer changes, step by step. After a crash it is what the last acknowledged step has made
 * of it, or one of the steps that came after.
 */
export class Register<T> {
  /** Steps that were acknowledged. */
  promised = 0
  readonly #name: string
  readonly #show: (value: T) => string
  /** What each step has made of it; the first is known to hold. */
  #made: { readonly step: number; readonly value: T }[]
  #steps = 0

  /** Values that are shown alike are the same. */
  constructor(name: string, value: T, show: (value: T) => string = String) {
    this.#name = name
    this.#show = show
    this.#made = [{ step: 0, value }]
  }

  /** What it is when all that was asked is done. */
  get last(): T {
    return this.#made.at(-1)!.value
  }

  /** Is asked for from now on. What is returned is to be called when the answer has come. */
  attempt(value: T): () => void {
    const step = ++this.#steps
    this.#made.push({ step, value })
    return () => {
      this.promised++
      this.#made = this.#made.filter((made) => made.step >= step)
    }
  }

  /** It was found to be this, and nothing is under way any more. */
  found(value: T): void {
    const shown = this.#show(value)
    const known = this.#made.map((made) => this.#show(made.value))
    if (!known.includes(shown)) {
      const [held, ...attempted] = known
      throw new Error(`${this.#name} is ${shown}; ${held} was acknowledged, then asked for: ${attempted.join(', ') || 'nothing'}`)
    }
    this.#made = [{ step: this.#steps, value }]
  }
}
