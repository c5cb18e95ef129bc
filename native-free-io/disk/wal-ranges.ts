import { getU64 } from '../../src/base/long.ts'
import { Pieces } from '../../src/base/pieces.ts'
import type { WalRange } from '../../src/ports/cold-reads.ts'
import type { WalState } from '../../src/ports/lane.ts'
import { rangeAt } from '../../src/wal/segments.ts'
import { walRecord } from '../../src/wal/wal-record.ts'
import { logStart } from '../../src/wal/wal-superblock.ts'

/** The positions of a log in its files. */
export type WalPositions = Pick<WalState, 'capacity' | 'segments'>

/** Maximum gap between two batches that one read includes: a second system call costs more. */
const gapBytesMax = 64 << 10
const spanBytesMax = 8 << 20
/** For small batches, which are read together. One for all reads of the thread, because a read is synchronous. */
const scratch = Buffer.allocUnsafeSlow(256 << 10)

/**
 * Reads batches by their positions, one after another to `into`. False when the header before one of them is wrong: the log has been
 * overwritten there; or when its segment does not exist any more, for which `read` returns -1. `segment` is the start of the segment, -1 for
 * the circular part.
 */
export function readWalRanges(
  read: (into: Uint8Array, segment: number, at: number) => number,
  log: WalPositions,
  ranges: readonly WalRange[],
  into: readonly Uint8Array[],
): boolean {
  const out = new Pieces(into)
  const header = Buffer.alloc(walRecord.bytes)
  const view = new DataView(header.buffer, header.byteOffset)
  for (const span of spansOf(ranges, log)) {
    const from = start(span)
    const { segment, at } = rangeAt(log, from, logStart)
    const bytes = new SpanReader((part, offset) => read(part, segment, at + offset), spanBytes(span))
    for (const range of span) {
      const record = range.position - walRecord.bytes
      if (!bytes.read(record - from, header)) return false
      if (getU64(view, walRecord.position) !== record) return false
      if (view.getUint32(walRecord.length, true) !== range.bytes) return false
      let offset = range.position - from
      for (const part of out.next(range.bytes)) {
        if (!bytes.read(offset, part)) return false
        offset += part.length
      }
    }
  }
  return true
}

/** Reads a span in ascending order: small parts by way of the scratch buffer, large ones to their place. */
class SpanReader {
  readonly #read: (into: Uint8Array, offset: number) => number
  readonly #bytes: number
  /** The scratch buffer contains the bytes of the span in [start, end). */
  #start = 0
  #end = 0

  constructor(read: (into: Uint8Array, offset: number) => number, bytes: number) {
    this.#read = read
    this.#bytes = bytes
  }

  /** False if the file does not have all bytes. */
  read(offset: number, into: Uint8Array): boolean {
    let done = 0
    while (done < into.length) {
      const at = offset + done
      if (at >= this.#start && at < this.#end) {
        const part = scratch.subarray(at - this.#start, Math.min(this.#end - this.#start, at - this.#start + into.length - done))
        into.set(part, done)
        done += part.length
      } else if (into.length - done >= scratch.length) {
        return this.#read(into.subarray(done), at) === into.length - done
      } else if (!this.#fill(at)) return false
    }
    return true
  }

  #fill(from: number): boolean {
    const bytes = Math.min(scratch.length, this.#bytes - from)
    this.#start = from
    this.#end = from + bytes
    return this.#read(scratch.subarray(0, bytes), from) === bytes
  }
}

/** From the record header of the first batch to the end of the last. */
const spanBytes = (span: readonly WalRange[]): number => span.at(-1)!.position + span.at(-1)!.bytes - start(span)
const start = (span: readonly WalRange[]): number => span[0]!.position - walRecord.bytes

/**
 * True if no part of the ranges can have been overwritten before this call. A correct header proves less: the bytes after it may have been
 * overwritten during the read.
 */
export const isKept = (ranges: readonly WalRange[], published: number, { capacity, segments }: WalPositions): boolean =>
  // Segments are never overwritten.
  ranges.every(({ position }) => position >= (segments?.from ?? Infinity) || published <= position - walRecord.bytes + capacity)

/** Batches that are read together: close to each other, and on the same side of the end of a file. */
function spansOf(ranges: readonly WalRange[], log: WalPositions): WalRange[][] {
  const spans: WalRange[][] = []
  for (const range of ranges) {
    const span = spans.at(-1)
    const previous = span?.at(-1)
    const isNear =
      previous !== undefined &&
      range.position - (previous.position + previous.bytes) <= gapBytesMax &&
      range.position + range.bytes - span![0]!.position <= spanBytesMax &&
      range.position + range.bytes - start(span!) <= rangeAt(log, start(span!), logStart).bytes
    if (isNear) span!.push(range)
    else spans.push([range])
  }
  return spans
}
