import { getI64 } from '../base/long.ts'
import { batchHeader, lengthOverhead } from '../wire/record-batch.ts'

/** Part of a data block: whole batches. */
export interface BatchRange {
  readonly address: number
  readonly bytes: number
  /** Offset after the last record. */
  readonly end: number
}

/** The batches in [address, end) that end after `offset`: as many as `bytesMax` allows, and at least one if `first`. */
export function batchesFrom(
  view: DataView,
  address: number,
  end: number,
  { offset, bytesMax, first }: { readonly offset: number; readonly bytesMax: number; readonly first: boolean },
): BatchRange {
  let at = address
  let from = -1
  let last = offset
  while (at < end) {
    const bytes = lengthOverhead + view.getInt32(at + batchHeader.batchLength)
    const behind = getI64(view, at + batchHeader.baseOffset) + view.getInt32(at + batchHeader.lastOffsetDelta) + 1
    if (behind > offset) {
      if (from < 0) from = at
      if (at + bytes - from > bytesMax && !(first && at === from)) break
      last = behind
    }
    at += bytes
  }
  return from < 0 ? { address, bytes: 0, end: offset } : { address: from, bytes: at - from, end: last }
}

/** Whether any batch in [address, end) contains records: compaction leaves some empty batches. */
export function hasRecords(view: DataView, address: number, end: number): boolean {
  for (let at = address; at < end; at += lengthOverhead + view.getInt32(at + batchHeader.batchLength)) {
    if (view.getInt32(at + batchHeader.recordsCount) > 0) return true
  }
  return false
}
