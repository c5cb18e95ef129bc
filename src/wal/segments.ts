import type { SegmentLayout, WalState } from '../ports/lane.ts'
import type { TrimPoint } from '../ports/trim-point.ts'

/** Size of a segment, where the log is large enough for it. */
const segmentBytesMax = 128 << 20
/** A log has at least this many segments. */
const segmentsMin = 4

/**
 * Size of the segments for a new log: a multiple of the log cache, since no record crosses the end of a lap of the cache. 0 if the log is
 * too small for segments.
 */
export function segmentBytesFor(capacity: number, cacheBytes: number): number {
  const most = capacity / segmentsMin
  if (cacheBytes > most) return 0
  return cacheBytes * Math.max(1, Math.floor(Math.min(segmentBytesMax, most) / cacheBytes))
}

/** Start of the segment that contains a position. */
export const segmentStart = ({ bytes }: SegmentLayout, position: number): number => Math.floor(position / bytes) * bytes

const nameDigits = 20
const extension = '.wal'

/** File name of a segment: its first position. Names of segments sort by position. */
export const segmentName = (start: number): string => `${String(start).padStart(nameDigits, '0')}${extension}`

/** Undefined for another name. */
export function startOfSegment(name: string): number | undefined {
  const [, digits] = /^(\d{20})\.wal$/.exec(name) ?? []
  const start = Number(digits)
  return digits !== undefined && Number.isSafeInteger(start) ? start : undefined
}

/** Folder of the segments of the log at `path`. */
export const segmentFolder = (path: string): string => `${path.endsWith(extension) ? path.slice(0, -extension.length) : path}.segments`

/** A position in the files of a log. */
export interface FileRange {
  /** Start of the segment; -1 for the circular part. */
  readonly segment: number
  /** Offset in the file. */
  readonly at: number
  /** Bytes from there to the end of the segment, or of the lap. */
  readonly bytes: number
}

/** Where a position of the log is. `logStart`: offset of the circular part in its file. */
export function rangeAt({ capacity, segments }: Pick<WalState, 'capacity' | 'segments'>, position: number, logStart: number): FileRange {
  if (segments !== undefined && position >= segments.from) {
    const segment = segmentStart(segments, position)
    return { segment, at: position - segment, bytes: segment + segments.bytes - position }
  }
  const at = position % capacity
  return { segment: -1, at: logStart + at, bytes: capacity - at }
}

/**
 * Trim points at the ends of segments. A segment may be removed when the log starts at a record of a later segment; that record is accepted
 * only as the successor of the last one before it.
 */
export class SegmentEnds {
  readonly #bytes: number
  /** In the order of their segments: `start` is the start of a segment, and the trim point is at the first record in or after it. */
  readonly #ends: { readonly start: number; readonly point: TrimPoint }[] = []
  /** End of the segment that contains the last record. */
  #next: number
  #last: number
  #lastIncarnation: number

  /** The records from the trim point on are noted. */
  constructor({ bytes }: SegmentLayout, { trimmed, previous, previousIncarnation }: TrimPoint) {
    this.#bytes = bytes
    this.#next = (Math.floor(trimmed / bytes) + 1) * bytes
    this.#last = previous
    this.#lastIncarnation = previousIncarnation
  }

  /** The next record of the log: its position, and the incarnation that wrote it. */
  note(at: number, incarnation: number): void {
    if (at >= this.#next) this.#cross(at)
    this.#last = at
    this.#lastIncarnation = incarnation
  }

  #cross(at: number): void {
    const point = { trimmed: at, previous: this.#last, previousIncarnation: this.#lastIncarnation }
    for (; this.#next <= at; this.#next += this.#bytes) this.#ends.push({ start: this.#next, point })
  }

  /** Trim point at the end of a segment; undefined while no later record is durable. */
  at(end: number, durable: number): TrimPoint | undefined {
    const found = this.#ends.find(({ start }) => start === end)
    return found !== undefined && found.point.trimmed < durable ? found.point : undefined
  }

  /** Forgets the segments that end at this position or before. */
  dropBelow(position: number): void {
    while (this.#ends.length > 0 && this.#ends[0]!.start <= position) this.#ends.shift()
  }
}
