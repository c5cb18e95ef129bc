import type { PartitionId } from '../../ports.ts'

/** What of a partition is in the write-ahead log alone. */
export interface Extent {
  readonly start: number
  readonly bytes: number
  /** When its first record was dated, -1 for none. */
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
  readonly toldMs: number
}

/**
 * What is in the write-ahead log plays the part of Kafka's active segment, which is never compacted. It ends when it is too old,
 * by its first record or by how long it has been seen here, or too large: then it is to be stored.
 */
export class ActiveSegments {
  readonly #seen = new Map<PartitionId, Seen>()

  /** Says so once in `segmentMs` for age, since the dates of records are their writers' to choose. */
  isDue(stream: PartitionId, { start, bytes, oldest }: Extent, limits: SegmentLimits, nowMs: number): boolean {
    const known = this.#seen.get(stream)
    const sinceMs = known?.start === start ? known.sinceMs : nowMs
    const toldMs = known?.toldMs ?? Number.NEGATIVE_INFINITY
    const ageMax = Math.min(limits.segmentMs, limits.maxCompactionLagMs)
    const isOld = nowMs - Math.min(sinceMs, oldest < 0 ? sinceMs : oldest) >= ageMax && nowMs - toldMs >= ageMax
    const isDue = bytes > 0 && (isOld || bytes >= limits.segmentBytes)
    this.#seen.set(stream, { start, sinceMs, toldMs: isDue ? nowMs : toldMs })
    return isDue
  }

  /** Forgets every other stream. */
  retain(streams: ReadonlySet<PartitionId>): void {
    for (const stream of this.#seen.keys()) if (!streams.has(stream)) this.#seen.delete(stream)
  }
}
