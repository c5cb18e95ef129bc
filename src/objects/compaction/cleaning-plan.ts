import type { PartitionId } from '../../ports/partitions.ts'
import type { StoredPart } from '../../ports/stored-objects.ts'

/** Limits of compaction by key for a partition. Times in milliseconds. */
export interface CleaningLimits {
  readonly minCompactionLagMs: number
  readonly maxCompactionLagMs: number
  readonly minCleanableRatio: number
}

/** Plan for the compaction of one partition. */
export interface Cleaning {
  readonly partitionId: PartitionId
  /** All parts to read and rewrite, from the log start on. */
  readonly parts: readonly StoredPart[]
  /** First offset that has never been compacted. */
  readonly dirtyFrom: number
  /** Share of the bytes that has never been compacted. */
  readonly ratio: number
}

export interface CleaningState {
  readonly partitionId: PartitionId
  /** From the log start on. */
  readonly parts: readonly StoredPart[]
  readonly logStart: number
  /** End offset of the last compaction. */
  readonly cleaned: number
  readonly limits: CleaningLimits
  /** Timestamp of the first batches that have never been compacted; infinite if it is not needed. */
  readonly dirtySince: number
  readonly nowMs: number
}

/**
 * The next compaction of a partition; undefined when none is due. An object's part corresponds to a segment in Kafka: it is dirty when its
 * end is, and excluded as a whole while its latest record is too young.
 */
export function cleaningOf(state: CleaningState): Cleaning | undefined {
  const { partitionId, limits, nowMs } = state
  const dirtyFrom = Math.max(state.cleaned, state.logStart)
  const isYoung = (part: StoredPart): boolean =>
    part.end > dirtyFrom && limits.minCompactionLagMs > 0 && part.maxTimestamp > nowMs - limits.minCompactionLagMs
  const held = state.parts.findIndex(isYoung)
  const parts = held < 0 ? state.parts : state.parts.slice(0, held)
  const all = bytesOf(parts)
  const dirty = bytesOf(parts.filter((part) => part.end > dirtyFrom))
  if (dirty === 0) return undefined
  const isLate = state.dirtySince < nowMs - limits.maxCompactionLagMs
  const ratio = dirty / all
  return isLate || ratio > limits.minCleanableRatio ? { partitionId, parts, dirtyFrom, ratio } : undefined
}

const bytesOf = (parts: readonly StoredPart[]): number => parts.reduce((sum, part) => sum + part.bytes, 0)

/** The compaction with the largest share of bytes that have never been compacted. */
export function dirtiest(cleanings: readonly Cleaning[]): Cleaning | undefined {
  return cleanings.reduce<Cleaning | undefined>(
    (worst, each) => (worst === undefined || each.ratio > worst.ratio ? each : worst),
    undefined,
  )
}

/** Adjacent parts that are written into one object, so that small parts are merged. */
export function grouped<P extends { readonly bytes: number }>(parts: readonly P[], bytesMax: number): P[][] {
  const groups: P[][] = []
  let bytes = Number.POSITIVE_INFINITY
  for (const part of parts) {
    if (bytes + part.bytes > bytesMax) {
      groups.push([])
      bytes = 0
    }
    groups.at(-1)!.push(part)
    bytes += part.bytes
  }
  return groups
}
