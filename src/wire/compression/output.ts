import { assert } from '../../base/assert.ts'

/** What a coder has written so far. Grows with what is written, up to what the coder can write at most. */
export class Output {
  bytes: Buffer
  at = 0
  readonly #bytesMax: number

  constructor(bytesGuess: number, bytesMax: number) {
    this.#bytesMax = bytesMax
    this.bytes = Buffer.allocUnsafeSlow(Math.min(bytesMax, bytesGuess))
  }

  literal(from: Uint8Array, start: number, count: number): void {
    this.#reserve(count)
    this.bytes.set(from.subarray(start, start + count), this.at)
    this.at += count
  }

  byte(value: number): void {
    this.#reserve(1)
    this.bytes[this.at++] = value
  }

  finished(): Buffer {
    return this.bytes.subarray(0, this.at)
  }

  /** Room for `count` more bytes. */
  #reserve(count: number): void {
    const needed = this.at + count
    if (needed <= this.bytes.length) return
    assert(needed <= this.#bytesMax, 'a coder writes no more than it can need')
    const larger = Buffer.allocUnsafeSlow(Math.min(this.#bytesMax, Math.max(needed, this.bytes.length * 2)))
    larger.set(this.bytes.subarray(0, this.at))
    this.bytes = larger
  }
}
