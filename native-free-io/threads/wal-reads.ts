import { Pieces } from '../../src/base/pieces.ts'
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
 * Reads batches that are only in the files of the WAL by `readFile`, which returns false if they do not contain them. Throws then. False when
 * one of them has been overwritten or removed, or may have been overwritten during the read.
 */
export async function readRanges(readFile: () => Promise<boolean>, log: Log, ranges: readonly WalRange[]): Promise<boolean> {
  const isRead = await readFile()
  if (!isKept(ranges, log.published, log.wal.state)) return false
  // The segments below the start of the log are removed.
  if (!isRead && ranges.some(({ position }) => position < log.stored)) return false
  // The log has not reached these positions again, so a retry would have the same result.
  if (!isRead) throw new Error('the write-ahead log does not hold the batches that were written to it')
  return true
}

/** The bytes of the log in [position, position + length), which are in one or two pieces. */
export function copyLog({ memory, base, bytes: size }: LogPlace, position: number, into: Uint8Array): void {
  const offset = position % size
  const first = Math.min(into.length, size - offset)
  into.set(new Uint8Array(memory.buffer, base + offset, first))
  if (first < into.length) into.set(new Uint8Array(memory.buffer, base, into.length - first), first)
}

/**
 * Copies batches of an S3 WAL to `into`. False when one of them has been uploaded: its memory may be in use again. Unstored batches stay unchanged
 * during the synchronous copy, since the caller is the one that trims the log.
 */
export function copyRanges(log: LogPlace, stored: number, ranges: readonly WalRange[], into: readonly Uint8Array[]): boolean {
  if (ranges.some(({ position }) => position - walRecord.bytes < stored)) return false
  const out = new Pieces(into)
  for (const { position, bytes } of ranges) {
    let at = position
    for (const part of out.next(bytes)) {
      copyLog(log, at, part)
      at += part.length
    }
  }
  return true
}
