import type { Partition } from '../../partition/partition.ts'
import type { PartitionId } from '../../ports/partitions.ts'
import { segmentRow } from '../../ports/segment-rows.ts'

/** A segment with more batches is not stored as it is: its index would be large, and its batches are so small that sorting them is worth it. */
export const segmentRowsMax = 32_768

/** Part of the log: positions [from, until), in the segment that starts at `start`. */
export interface SegmentPart {
  readonly start: number
  readonly from: number
  readonly until: number
  /** Existing partitions, and the end of their records in the store. */
  readonly stored: ReadonlyMap<PartitionId, number>
}

interface Entries {
  readonly partition: Partition
  readonly first: number
  readonly end: number
}

/** The batches of a part of the log that are not in the store; undefined if there are more than the maximum. See `segmentRow`. */
export function segmentRows(partitions: ReadonlyMap<PartitionId, Partition>, part: SegmentPart): Float64Array | undefined {
  const found: Entries[] = []
  let rows = 0
  for (const [id, partition] of partitions) {
    const storedEnd = part.stored.get(id)
    if (storedEnd === undefined) continue
    const { index } = partition
    const end = index.countEndingBy(part.until)
    let first = index.countEndingBy(part.from)
    while (first < end && index.base(first) < storedEnd) first++
    if (first === end) continue
    found.push({ partition, first, end })
    rows += end - first
    if (rows > segmentRowsMax) return undefined
  }
  found.sort((a, b) => a.partition.id - b.partition.id)
  const out = new Float64Array(rows * segmentRow.columns)
  let at = 0
  for (const { partition, first, end } of found) {
    const { id, index } = partition
    for (let i = first; i < end; i++, at += segmentRow.columns) {
      const base = index.base(i)
      out[at + segmentRow.partitionId] = id
      out[at + segmentRow.baseOffset] = base
      out[at + segmentRow.end] = base + index.count(i)
      out[at + segmentRow.position] = index.position(i) - part.start
      out[at + segmentRow.bytes] = index.bytes(i)
      out[at + segmentRow.maxTimestamp] = index.maxTimestamp(i)
    }
  }
  return out
}
