import type { SegmentLayout } from '../ports/lane.ts'
import { segmentStart } from '../wal/segments.ts'

/** The next object: a part of the log from its stored position up to `until`. */
export interface NextPart {
  readonly until: number
  /** The part is the rest of a segment, which becomes the object. */
  readonly isSegment: boolean
}

/**
 * The next object of a log with segments, by the positions of the log; undefined when `nextSeal` decides. `sorted` is the end of the segment
 * that has to be uploaded as other parts of the log are, -1 for none.
 */
export function nextSegment(segments: SegmentLayout, stored: number, durable: number, sorted: number): NextPart | undefined {
  // The log is in segments now: the rest of the circular part is uploaded.
  if (stored < segments.from) return durable > segments.from ? { until: segments.from, isSegment: false } : undefined
  const until = segmentStart(segments, stored) + segments.bytes
  return durable > until ? { until, isSegment: until !== sorted } : undefined
}
