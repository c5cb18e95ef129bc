import { getU64 } from '../../src/base/long.ts'
import { unfilled } from '../../src/base/unfilled.ts'
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

/**
 * Reads batches by their positions. Undefined when the header before one of them is wrong: the log has been overwritten there; or when its
 * segment does not exist any more, for which `read` returns -1. `segment` is the start of the segment, -1 for the circular part.
 */
export function readWalRanges(
  read: (into: Uint8Array, segment: number, at: number) => number,
  log: WalPositions,
  ranges: readonly WalRange[],
): Uint8Array<ArrayBuffer> | undefined {
  const spans = spansOf(ranges, log)
  // The bytes of a single read are moved in place: a second buffer of the same size would be allocated for each answer.
  const out = spans.length === 1 ? unfilled(spanBytes(spans[0]!)) : unfilled(ranges.reduce((sum, range) => sum + range.bytes, 0))
  let to = 0
  for (const span of spans) {
    const from = span[0]!.position - walRecord.bytes
    const whole = spans.length === 1 ? out : unfilled(spanBytes(span))
    const { segment, at } = rangeAt(log, from, logStart)
    if (read(whole, segment, at) !== whole.length) return undefined
    const view = new DataView(whole.buffer)
    for (const { position, bytes } of span) {
      const header = position - walRecord.bytes - from
      if (getU64(view, header + walRecord.position) !== position - walRecord.bytes) return undefined
      if (view.getUint32(header + walRecord.length, true) !== bytes) return undefined
      out.set(whole.subarray(position - from, position - from + bytes), to)
      to += bytes
    }
  }
  return out.subarray(0, to)
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
