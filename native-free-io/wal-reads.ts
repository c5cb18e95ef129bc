import type { ObjectJobs } from './object-jobs.ts'
import { isKept, type WalRange } from './wal-file.ts'

/** The log, as far as it matters to who reads its file: how far it may have been written by now. */
interface Log {
  readonly published: number
  readonly wal: { readonly state: { readonly capacity: number } }
}

/** Batches that only the log's file holds. Undefined when one of them has been overwritten, or may have been while it was read. */
export async function readRanges(
  jobs: Pick<ObjectJobs, 'ranges'>,
  log: Log,
  ranges: readonly WalRange[],
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const read = await jobs.ranges(ranges)
  return isKept(ranges, log.published, log.wal.state.capacity) ? read : undefined
}
