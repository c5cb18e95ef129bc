import type { PartitionId } from '../../ports.ts'
import type { StreamPart } from '../object-map.ts'

/** When records of a partition may and must be compacted by key. Times in milliseconds. */
export interface CleaningLimits {
  readonly minCompactionLagMs: number
  readonly maxCompactionLagMs: number
  readonly minCleanableRatio: number
}

/** What is to be compacted of one partition. */
export interface Cleaning {
  readonly stream: PartitionId
  /** Everything that is read and written: from the start of the log on. */
  readonly parts: readonly StreamPart[]
  /** First offset that has never been compacted. */
  readonly dirtyFrom: number
  /** The part of the bytes that has never been. */
  readonly ratio: number
}

export interface CleaningState {
  readonly stream: PartitionId
  /** From the log's start on. */
  readonly parts: readonly StreamPart[]
  readonly logStart: number
  /** Up to where it was compacted last. */
  readonly cleaned: number
  readonly limits: CleaningLimits
  /** Timestamp of the first batches that have never been compacted; infinite where nobody asks. */
  readonly dirtySince: number
  readonly nowMs: number
}

/**
 * What compaction would do with a partition now; undefined when it is to wait. An object's part is to it what a segment is
 * in Kafka: dirty when its end is, and held back as a whole when its latest record is too young.
 */
export function cleaningOf(state: CleaningState): Cleaning | undefined {
  const { stream, limits, nowMs } = state
  const dirtyFrom = Math.max(state.cleaned, state.logStart)
  const isYoung = (part: StreamPart): boolean =>
    part.end > dirtyFrom && limits.minCompactionLagMs > 0 && part.maxTimestamp > nowMs - limits.minCompactionLagMs
  const held = state.parts.findIndex(isYoung)
  const parts = held < 0 ? state.parts : state.parts.slice(0, held)
  const all = bytesOf(parts)
  const dirty = bytesOf(parts.filter((part) => part.end > dirtyFrom))
  if (dirty === 0) return undefined
  const isLate = state.dirtySince < nowMs - limits.maxCompactionLagMs
  const ratio = dirty / all
  return isLate || ratio > limits.minCleanableRatio ? { stream, parts, dirtyFrom, ratio } : undefined
}

const bytesOf = (parts: readonly StreamPart[]): number => parts.reduce((sum, part) => sum + part.bytes, 0)

/** The one with the most that has never been compacted. */
export function dirtiest(cleanings: readonly Cleaning[]): Cleaning | undefined {
  return cleanings.reduce<Cleaning | undefined>(
    (worst, each) => (worst === undefined || each.ratio > worst.ratio ? each : worst),
    undefined,
  )
}

/** Neighbours that go into one object together, so that what has become small does not stay apart. */
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
