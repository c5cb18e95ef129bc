/** Bytes in several pieces. A `ScatterWriter` sends them without a copy. */
export class Slices {
  readonly parts: readonly Uint8Array[]
  readonly length: number

  constructor(parts: readonly Uint8Array[]) {
    this.parts = parts
    this.length = parts.reduce((sum, part) => sum + part.length, 0)
  }
}

/** The bytes in one piece; copied if there are several. A message that was read has one. */
export const inOnePiece = (bytes: Buffer | Slices): Buffer => (bytes instanceof Slices ? Buffer.concat(bytes.parts) : bytes)
