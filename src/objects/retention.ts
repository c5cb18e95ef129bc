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

/**
 * Retention of a partition. An object's part corresponds to a segment in Kafka: it is deleted as a whole, when its latest record is too
 * old, or when the remaining parts are large enough without it.
 *
 * `parts` are those from the log start on. `hotBytes` are in the WAL; retention by size never deletes them.
 */
export function retained(
  parts: readonly StoredPart[],
  hotBytes: number,
  limits: RetentionLimits,
  logStart: number,
  nowMs: number,
): Retained {
  const { retentionMs, retentionBytes } = limits
  let bytes = parts.reduce((sum, part) => sum + part.bytes, hotBytes)
  let offset = logStart
  for (const part of parts) {
    const isOld = retentionMs !== null && part.maxTimestamp >= 0 && nowMs - part.maxTimestamp > retentionMs
    const isTooMuch = retentionBytes !== null && bytes - part.bytes >= retentionBytes
    if (!isOld && !isTooMuch) return { offset, all: false }
    offset = part.end
    bytes -= part.bytes
  }
  return { offset, all: retentionMs !== null }
}
