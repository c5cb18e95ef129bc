import { WakeSignal } from '../../../../src/ring/wake-signal.ts'

/** A signal that calls a function whenever it is rung. */
export class HeardSignal extends WakeSignal {
  readonly #onRing: () => void
  constructor(words: Int32Array, at: number, onRing: () => void) {
    super(words, at)
    this.#onRing = onRing
  }
  override ring(): void {
    this.#onRing()
    super.ring()
  }
}
