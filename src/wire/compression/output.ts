import { MalformedMessage } from '../cursor.ts'

export const damaged = (codec: string, what: string): MalformedMessage => new MalformedMessage(`${codec}: ${what}`)

/** What a coder has written so far, which a decoder also copies from. Grows with what is written, never with what is claimed. */
export class Output {
  bytes: Buffer
  at = 0
  readonly #codec: string
  readonly #bytesMax: number

  constructor(codec: string, bytesGuess: number, bytesMax: number) {
    this.#codec = codec
    this.#bytesMax = bytesMax
    this.bytes = Buffer.allocUnsafeSlow(Math.min(bytesMax, bytesGuess))
  }

  /** Room for `count` more bytes. */
  reserve(count: number): void {
    const needed = this.at + count
    if (needed <= this.bytes.length) return
    if (needed > this.#bytesMax) throw damaged(this.#codec, `more than ${this.#bytesMax} bytes come out`)
    const larger = Buffer.allocUnsafeSlow(Math.min(this.#bytesMax, Math.max(needed, this.bytes.length * 2)))
    larger.set(this.bytes.subarray(0, this.at))
    this.bytes = larger
  }

  literal(from: Uint8Array, start: number, count: number): void {
    if (start + count > from.length) throw damaged(this.#codec, `${count} literal bytes are announced, ${from.length - start} are there`)
    this.reserve(count)
    this.bytes.set(from.subarray(start, start + count), this.at)
    this.at += count
  }

  /** Repeats what lies `distance` bytes back. It may overlap what it writes: that is how a run is said. */
  copy(distance: number, count: number): void {
    if (distance === 0 || distance > this.at) throw damaged(this.#codec, `a copy from ${distance} bytes back, after ${this.at}`)
    this.reserve(count)
    const bytes = this.bytes
    let to = this.at
    for (const end = to + count; to < end; to++) bytes[to] = bytes[to - distance]!
    this.at = to
  }

  byte(value: number): void {
    this.reserve(1)
    this.bytes[this.at++] = value
  }

  finished(): Buffer {
    return this.bytes.subarray(0, this.at)
  }
}
