import { partIndexBytes } from '../object-format.ts'
import type { MappedObject } from '../object-map.ts'

/** A part of an object that is copied into another. */
export interface Source {
  readonly objectId: number
  /** Size of the whole object. */
  readonly objectBytes: number
  readonly partitionId: number
  readonly start: number
  readonly end: number
  readonly bytes: number
}

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

/** First readable offset of a partition; undefined when the partition is deleted. */
export type LogStarts = (partitionId: number) => number | undefined

interface Live {
  readonly object: MappedObject
  readonly sources: readonly Source[]
  readonly bytes: number
}

/** The next useful compaction, if there is one. Objects are in the order of their ids. */
export function planCompaction(
  objects: readonly MappedObject[],
  logStarts: LogStarts,
  limits: CompactionLimits,
): CompactionPlan | undefined {
  const live = objects.map((object) => liveOf(object, logStarts)).filter(({ sources }) => sources.length > 0)
  return planSets(live, limits) ?? planMerge(live, limits)
}

function liveOf(object: MappedObject, logStarts: LogStarts): Live {
  const sources = object.parts.flatMap(({ partitionId, start, end, bytes }): Source[] => {
    const logStart = logStarts(partitionId)
    if (logStart === undefined || Number(end) <= logStart) return []
    return [{ objectId: object.objectId, objectBytes: object.bytes, partitionId, start: Number(start), end: Number(end), bytes }]
  })
  return { object, sources, bytes: sources.reduce((sum, source) => sum + source.bytes, 0) }
}

/** Splits multi-partition objects: large partitions get objects of their own, small ones share a new object. */
function planSets(live: readonly Live[], limits: CompactionLimits): CompactionPlan | undefined {
  const isSet = ({ object }: Live): boolean => object.parts.length > 1
  // The index does not count as waste, even where it is larger than the records.
  const isWasteful = ({ object, sources, bytes }: Live): boolean => bytes + sources.length * partIndexBytes < object.bytes / 2
  const sets = live.filter((each) => isSet(each) && (each.object.bytes <= limits.setBytesMax || isWasteful(each)))
  const total = sets.reduce((sum, each) => sum + each.bytes, 0)
  if (sets.length < limits.setCount && total < limits.setBytes && !sets.some(isWasteful)) return undefined
  const chosen: Live[] = []
  let bytes = 0
  for (const each of sets) {
    if (chosen.length > 0 && bytes + each.bytes > limits.readBytesMax) break
    chosen.push(each)
    bytes += each.bytes
  }
  return { replaced: chosen.map(({ object }) => object.objectId), outputs: outputsOf(chosen, limits.splitBytes) }
}

/**
 * Runs of offsets without a gap: the offsets in a gap are in an object that is not compacted. An object contains one run of a partition.
 */
function outputsOf(chosen: readonly Live[], splitBytes: number): Output[] {
  const runs = new Map<number, Source[][]>()
  for (const source of chosen.flatMap(({ sources }) => sources).sort((a, b) => a.partitionId - b.partitionId || a.start - b.start)) {
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

/** Merges small adjacent objects of one partition. */
function planMerge(live: readonly Live[], limits: CompactionLimits): CompactionPlan | undefined {
  const byPartition = new Map<number, Live[]>()
  for (const each of live) {
    const partitionId = each.sources[0]!.partitionId
    const known = byPartition.get(partitionId)
    if (known === undefined) byPartition.set(partitionId, [each])
    else known.push(each)
  }
  for (const objects of byPartition.values()) {
    let run: Live[] = []
    for (const each of objects.sort((a, b) => a.sources[0]!.start - b.sources[0]!.start)) {
      const isSmall = each.object.parts.length === 1 && each.bytes < limits.mergeBytesMax
      const follows = run.length === 0 || run.at(-1)!.sources[0]!.end === each.sources[0]!.start
      run = isSmall ? (follows ? [...run, each] : [each]) : []
      if (run.length < limits.mergeCount) continue
      return { replaced: run.map(({ object }) => object.objectId), outputs: [{ sources: run.map(({ sources }) => sources[0]!) }] }
    }
  }
  return undefined
}
