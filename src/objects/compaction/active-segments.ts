import type { PartitionId } from '../../ports/partitions.ts'

/** Records of a partition that are only in the WAL. */
export interface Extent {
  readonly start: number
  readonly bytes: number
  /** Timestamp of the first record, -1 if there is none. */
  readonly oldest: number
}

/** Times in milliseconds. */
export interface SegmentLimits {
  readonly segmentMs: number
  readonly segmentBytes: number
  readonly maxCompactionLagMs: number
}

interface Seen {
  readonly start: number
  readonly sinceMs: number
  readonly reportedMs: number
}

/**
 * The WAL has the role of Kafka's active segment, which is never compacted. The segment ends when it is too old, by its first record or by
 * the time since it was first observed, or too large: then it must be uploaded.
 */
export class ActiveSegments {
  readonly #seen = new Map<PartitionId, Seen>()

  /** Returns true for age at most once per `segmentMs`, since producers choose the timestamps of records. */
  isDue(partitionId: PartitionId, { start, bytes, oldest }: Extent, limits: SegmentLimits, nowMs: number): boolean {
    const known = this.#seen.get(partitionId)
    const sinceMs = known?.start === start ? known.sinceMs : nowMs
    const reportedMs = known?.reportedMs ?? Number.NEGATIVE_INFINITY
    const ageMax = Math.min(limits.segmentMs, limits.maxCompactionLagMs)
    const isOld = nowMs - Math.min(sinceMs, oldest < 0 ? sinceMs : oldest) >= ageMax && nowMs - reportedMs >= ageMax
    const isDue = bytes > 0 && (isOld || bytes >= limits.segmentBytes)
    this.#seen.set(partitionId, { start, sinceMs, reportedMs: isDue ? nowMs : reportedMs })
    return isDue
  }

  /** Removes the state of all other partitions. */
  retain(partitionIds: ReadonlySet<PartitionId>): void {
    for (const partitionId of this.#seen.keys()) if (!partitionIds.has(partitionId)) this.#seen.delete(partitionId)
  }
}
