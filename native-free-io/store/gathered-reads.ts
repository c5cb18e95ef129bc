import type { Piece } from '../../src/ports/object-store.ts'

/** Maximum gap between pieces that are read together: to copy it costs less than another read. */
const gapBytesMax = 64 << 10

/** One read of a file, with all bytes of its parts: one piece, or several with the gaps between them. */
export interface GatheredRead {
  readonly position: number
  readonly bytes: number
  readonly parts: readonly Piece[]
}

/** Reads of at most `readBytes` that together contain the pieces, which are in the order of their positions. A larger piece has several. */
export function* readsOf(pieces: readonly Piece[], readBytes: number): Generator<GatheredRead, void, void> {
  let parts: Piece[] = []
  const end = ({ position, into }: Piece): number => position + into.length
  const whole = (): GatheredRead => ({ position: parts[0]!.position, bytes: end(parts.at(-1)!) - parts[0]!.position, parts })
  for (const piece of pieces) {
    const last = parts.at(-1)
    const gap = last === undefined ? 0 : piece.position - end(last)
    const isTogether = gap >= 0 && gap <= gapBytesMax && end(piece) - (parts[0] ?? piece).position <= readBytes
    if (parts.length > 0 && !isTogether) {
      yield whole()
      parts = []
    }
    if (piece.into.length <= readBytes) parts.push(piece)
    else yield* slicesOf(piece, readBytes)
  }
  if (parts.length > 0) yield whole()
}

function* slicesOf({ position, into }: Piece, readBytes: number): Generator<GatheredRead, void, void> {
  for (let at = 0; at < into.length; at += readBytes) {
    const part = { position: position + at, into: into.subarray(at, at + readBytes) }
    yield { position: part.position, bytes: part.into.length, parts: [part] }
  }
}
