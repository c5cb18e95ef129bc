import { unfilled } from '../../src/base/unfilled.ts'
import type { WalRange } from '../../src/ports/cold-reads.ts'
import { walRecord } from '../../src/wal/wal-record.ts'
import { isKept, type WalPositions } from '../disk/wal-ranges.ts'
import type { LogPlace } from './object-tasks.ts'

/** The part of the log's state that a reader of its files needs: how far they may have been written, and from where they are kept. */
interface Log {
  readonly published: number
  readonly stored: number
  readonly wal: { readonly state: WalPositions }
}

/**
 * Batches that are only in the files of the WAL, read by `readFile`. Throws if they do not contain them. Undefined when one of them has been
 * overwritten or removed, or may have been overwritten during the read.
 */
export async function readRanges(
  readFile: () => Promise<Uint8Array<ArrayBuffer> | undefined>,
  log: Log,
  ranges: readonly WalRange[],
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const read = await readFile()
  if (!isKept(ranges, log.published, log.wal.state)) return undefined
  // The segments below the start of the log are removed.
  if (read === undefined && ranges.some(({ position }) => position < log.stored)) return undefined
  // The log has not reached these positions again, so a retry would have the same result.
  if (read === undefined) throw new Error('the write-ahead log does not hold the batches that were written to it')
  return read
}

/** The bytes of the log in [position, position + length), which are in one or two pieces. */
export function copyLog({ memory, base, bytes: size }: LogPlace, position: number, into: Uint8Array): void {
  const offset = position % size
  const first = Math.min(into.length, size - offset)
  into.set(new Uint8Array(memory.buffer, base + offset, first))
  if (first < into.length) into.set(new Uint8Array(memory.buffer, base, into.length - first), first)
}

/**
 * Batches of an S3 WAL. Undefined when one of them has been uploaded: its memory may be in use again. Unstored batches stay unchanged
 * during the synchronous copy, since the caller is the one that trims the log.
 */
export function copyRanges(log: LogPlace, stored: number, ranges: readonly WalRange[]): Uint8Array<ArrayBuffer> | undefined {
  if (ranges.some(({ position }) => position - walRecord.bytes < stored)) return undefined
  const out = unfilled(ranges.reduce((sum, { bytes }) => sum + bytes, 0))
  let to = 0
  for (const { position, bytes } of ranges) {
    copyLog(log, position, out.subarray(to, to + bytes))
    to += bytes
  }
  return out
}
