import { Slices } from '../wire/slices.ts'
import { Writer } from '../wire/writer.ts'

/** Writes a message around its slices, so that it can be sent as a list of buffers. */
export class ScatterWriter extends Writer {
  readonly #cuts: { at: number; slices: Slices }[] = []

  override reset(): this {
    super.reset()
    this.#cuts.length = 0
    return this
  }

  override put(v: Uint8Array | Slices): void {
    if (v instanceof Slices) this.#cuts.push({ at: this.at, slices: v })
    else super.put(v)
  }

  /** The whole message, in order; written parts are copied, slices are not. The first four bytes contain its size. */
  gather(): Uint8Array[] {
    const sliced = this.#cuts.reduce((sum, cut) => sum + cut.slices.length, 0)
    this.patchInt32(0, this.at + sliced - 4)
    const written = Buffer.from(this.finished())
    const parts: Uint8Array[] = []
    let from = 0
    for (const { at, slices } of this.#cuts) {
      if (at > from) parts.push(written.subarray(from, at))
      parts.push(...slices.parts)
      from = at
    }
    if (from < written.length) parts.push(written.subarray(from))
    return parts
  }
}
