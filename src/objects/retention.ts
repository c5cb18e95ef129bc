import type { StreamPart } from './object-map.ts'

export interface RetentionLimits {
  /** Null for any age, any size. */
  readonly retentionMs: number | null
  readonly retentionBytes: number | null
}

export interface Retained {
  /** First offset that stays, as far as objects tell. */
  readonly offset: number
  /** Everything in objects goes because of its age, so that what is in the write-ahead log may have to go too. */
  readonly all: boolean
}

/**
 * What a partition keeps. An object's part is to retention what a segment is in Kafka: it goes as a whole, when its latest
 * record is too old, or when the rest is large enough without it.
 *
 * `parts` are those from the log's start on; `hotBytes` are in the write-ahead log, which size alone never cuts.
 */
export function retained(
  parts: readonly StreamPart[],
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
