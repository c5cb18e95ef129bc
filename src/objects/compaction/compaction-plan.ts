import type { Source } from '../../ports/object-jobs.ts'
import type { StoredPart } from '../../ports/stored-objects.ts'
import { partIndexBytes } from '../object-format.ts'
import type { MappedObject } from '../object-map.ts'

/** An object to write: its sources by partition, then by offset. */
export interface Output {
  readonly sources: readonly Source[]
}

export interface CompactionPlan {
  /** Objects that are unreferenced afterwards. */
  readonly replaced: readonly number[]
  readonly outputs: readonly Output[]
}

export interface CompactionLimits {
  /** multi-partition objects are compacted when there are at least this many, or at least this many bytes. */
  readonly setCount: number
  readonly setBytes: number
  /** Larger objects wait until most of their bytes are dead. */
  readonly setBytesMax: number
  /** A partition with at least this many bytes in them gets an object of its own. */
  readonly splitBytes: number
  /** Objects of one partition are merged, this many at a time, while they are smaller than this. */
  readonly mergeCount: number
  readonly mergeBytesMax: number
  /** Maximum bytes read by one compaction. */
  readonly readBytesMax: number
}

const MiB = 1 << 20

/** Values as in AutoMQ where it has one. On a local disk, merging is worthwhile only for small files. */
export const compactionLimits = (isLocal: boolean): CompactionLimits => ({
  setCount: 16,
  setBytes: 256 * MiB,
  setBytesMax: 128 * MiB,
  splitBytes: 8 * MiB,
  mergeCount: 8,
  mergeBytesMax: isLocal ? 8 * MiB : 128 * MiB,
  readBytesMax: 512 * MiB,
})

/** Size of the readable parts of an object. */
const liveBytes = ({ parts }: MappedObject): number => parts.reduce((sum, part) => sum + part.bytes, 0)

/**
 * Most of the object's bytes are not readable: deleted, replaced, or gaps of a segment. The index does not count as waste, even where it is
 * larger than the records; that of a segment counts beyond one block for each partition, since its rewrite has fewer blocks.
 */
const isWasteful = (object: MappedObject): boolean => liveBytes(object) + object.parts.length * partIndexBytes < object.bytes / 2

/**
 * Whether an object with readable parts takes part in the next split: multi-partition objects up to a size, and wasteful ones. A full segment
 * is larger with its index. A wasteful object of one partition is a segment with large gaps, or what remains of a multi-partition object.
 */
export const isSplitCandidate = (object: MappedObject, limits: CompactionLimits): boolean =>
  object.parts.length > 0 && (isWasteful(object) || (object.isMulti && object.bytes <= limits.setBytesMax))

/**
 * Splits objects, if that is useful: large partitions get objects of their own, small ones share a new object. `candidates`
 * are all objects for which `isSplitCandidate` is true, in the order of their ids.
 */
export function planSplit(candidates: readonly MappedObject[], limits: CompactionLimits): CompactionPlan | undefined {
  const total = candidates.reduce((sum, each) => sum + liveBytes(each), 0)
  if (candidates.length < limits.setCount && total < limits.setBytes && !candidates.some(isWasteful)) return undefined
  const chosen: MappedObject[] = []
  let bytes = 0
  for (const each of candidates) {
    if (chosen.length > 0 && bytes + liveBytes(each) > limits.readBytesMax) break
    chosen.push(each)
    bytes += liveBytes(each)
  }
  return { replaced: chosen.map(({ objectId }) => objectId), outputs: outputsOf(chosen, limits.splitBytes) }
}

/**
 * Runs of offsets without a gap: the offsets in a gap are in an object that is not compacted. An object contains one run of a partition.
 */
function outputsOf(chosen: readonly MappedObject[], splitBytes: number): Output[] {
  const runs = new Map<number, Source[][]>()
  for (const source of chosen.flatMap(({ parts }) => parts).sort((a, b) => a.partitionId - b.partitionId || a.start - b.start)) {
    const known = runs.get(source.partitionId) ?? []
    runs.set(source.partitionId, known)
    const run = known.at(-1)
    if (run !== undefined && run.at(-1)!.end === source.start) run.push(source)
    else known.push([source])
  }
  const outputs: Output[] = []
  const shared: Source[][] = []
  for (const ofPartition of runs.values()) {
    let small = 0
    for (const run of ofPartition) {
      if (run.reduce((sum, source) => sum + source.bytes, 0) >= splitBytes) outputs.push({ sources: run })
      else (shared[small++] ??= []).push(...run)
    }
  }
  // If sharing would leave about as many objects as before, every run gets its own object, so that compaction always makes progress.
  const small = shared.length > chosen.length / 2 ? shared.flatMap(runsOf) : shared
  return [...outputs, ...small.map((sources) => ({ sources }))]
}

function runsOf(sources: readonly Source[]): Source[][] {
  const runs: Source[][] = []
  for (const source of sources) {
    const run = runs.at(-1)
    if (run !== undefined && run[0]!.partitionId === source.partitionId) run.push(source)
    else runs.push([source])
  }
  return runs
}

/** Merges small adjacent objects of one partition. `parts` are all of its parts, in the order of their offsets. */
export function planMerge(
  parts: readonly StoredPart[],
  isMulti: (objectId: number) => boolean,
  limits: CompactionLimits,
): CompactionPlan | undefined {
  let run: StoredPart[] = []
  for (const part of parts) {
    const isSmall = part.bytes < limits.mergeBytesMax && !isMulti(part.objectId)
    const follows = run.length === 0 || run.at(-1)!.end === part.start
    run = isSmall ? (follows ? [...run, part] : [part]) : []
    if (run.length === limits.mergeCount) return { replaced: run.map(({ objectId }) => objectId), outputs: [{ sources: run }] }
  }
  return undefined
}
