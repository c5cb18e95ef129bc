import { walRecord } from '../../src/wal/wal-record.ts'
import { isKept, unfilled, type WalRange } from '../disk/wal-file.ts'
import type { ObjectJobs } from '../threads/object-jobs.ts'

/** The log, as far as it matters to who reads its file: how far it may have been written by now. */
interface Log {
  readonly published: number
  readonly wal: { readonly state: { readonly capacity: number } }
}

/** Batches that only the log's file holds. Throws where it has lost them. Undefined when one of them has been overwritten, or may have been while it was read. */
export async function readRanges(
  jobs: Pick<ObjectJobs, 'ranges'>,
  log: Log,
  ranges: readonly WalRange[],
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const read = await jobs.ranges(ranges)
  if (!isKept(ranges, log.published, log.wal.state.capacity)) return undefined
  // The log has not come round to them: whoever asked again would find the same.
  if (read === undefined) throw new Error('the write-ahead log does not hold the batches that were written to it')
  return read
}

/** Memory that holds the whole of a log that has no file. */
export interface LogPlace {
  readonly memory: WebAssembly.Memory
  readonly base: number
  readonly bytes: number
}

/** The bytes of the log in [position, position + length), which lie in one or two pieces. */
export function copyLog({ memory, base, bytes: size }: LogPlace, position: number, into: Uint8Array): void {
  const offset = position % size
  const first = Math.min(into.length, size - offset)
  into.set(new Uint8Array(memory.buffer, base + offset, first))
  if (first < into.length) into.set(new Uint8Array(memory.buffer, base, into.length - first), first)
}

/**
 * Batches of a log that has no file. Undefined when one of them is stored by now: its memory may be in use again. What is not
 * stored stays as it is for as long as the caller, who is the one that has it trimmed, does nothing else.
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
