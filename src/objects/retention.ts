import type { StoredPart } from '../ports/stored-objects.ts'

export interface RetentionLimits {
  /** Null: no limit. */
  readonly retentionMs: number | null
  readonly retentionBytes: number | null
}

export interface Retained {
  /** First offset that is retained, as far as the objects determine it. */
  readonly offset: number
  /** All records in objects have expired, so records in the WAL may have expired too. */
  readonly all: boolean
}

const isOld = ({ maxTimestamp }: StoredPart, { retentionMs }: RetentionLimits, nowMs: number): boolean =>
  retentionMs !== null && maxTimestamp >= 0 && nowMs - maxTimestamp > retentionMs

/** False if no record of a partition can have expired. `first` is its first part, if any of its records is in an object. */
export const mayExpire = (first: StoredPart | undefined, limits: RetentionLimits, nowMs: number): boolean =>
  limits.retentionBytes !== null || first === undefined || isOld(first, limits, nowMs)

/**
 * Retention of a partition. An object's part corresponds to a segment in Kafka: it is deleted as a whole, when its latest record is too
 * old, or when the remaining parts are large enough without it.
 *
 * `parts` are those from the log start on, and are read up to the first that is retained. `totalBytes` is their size, and that of the
 * records in the WAL, which retention by size never deletes.
 */
export function retained(
  parts: Iterable<StoredPart>,
  totalBytes: number,
  limits: RetentionLimits,
  logStart: number,
  nowMs: number,
): Retained {
  const { retentionMs, retentionBytes } = limits
  let bytes = totalBytes
  let offset = logStart
  for (const part of parts) {
    const isTooMuch = retentionBytes !== null && bytes - part.bytes >= retentionBytes
    if (!isOld(part, limits, nowMs) && !isTooMuch) return { offset, all: false }
    offset = part.end
    bytes -= part.bytes
  }
  return { offset, all: retentionMs !== null }
}
