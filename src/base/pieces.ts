import { assert } from './assert.ts'

/** Memory in several pieces, which is used in order. */
export class Pieces {
  readonly #pieces: readonly Uint8Array[]
  #index = 0
  #at = 0

  constructor(pieces: readonly Uint8Array[]) {
    this.#pieces = pieces
  }

  /** The next `bytes` bytes, in as few parts as possible. */
  *next(bytes: number): Generator<Uint8Array, void, void> {
    for (let left = bytes; left > 0; ) {
      const piece = this.#pieces[this.#index]
      assert(piece !== undefined, 'the pieces have room for all bytes')
      const part = piece.subarray(this.#at, this.#at + left)
      this.#at += part.length
      left -= part.length
      if (this.#at === piece.length) {
        this.#index++
        this.#at = 0
      }
      yield part
    }
  }

  /** Returns the parts that contain the bytes now. */
  write(from: Uint8Array): Uint8Array[] {
    let at = 0
    const parts = [...this.next(from.length)]
    for (const part of parts) {
      part.set(from.subarray(at, at + part.length))
      at += part.length
    }
    return parts
  }

  get isFull(): boolean {
    return this.#index === this.#pieces.length
  }
}
