import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { OffsetAndEpoch } from '../../src/ports/raft-log.ts'
import { type RaftBatches, readRaftBatches } from '../../src/wire/raft-batches.ts'
import { filesAdvice, step } from '../process/start-failure.ts'
import { StartRefused } from '../process/start-refused.ts'
import { BatchPositions } from './batch-positions.ts'
import { EpochStarts } from './epoch-starts.ts'
import { SyncedEnd, trailerBytes, trailerOf, usedBytes } from './raft-log-tail.ts'

/** The log cannot be read completely: its state would differ from the acknowledged state. */
export class RaftLogDamaged extends StartRefused {}

const remedy =
  'Restore the directory from a copy; on a voter of a larger quorum, remove the directory and add the voter again with its new directory id.'

export interface FoundSegment {
  readonly base: number
  readonly positions: BatchPositions
  /** Position after the last whole batch. */
  readonly bytes: number
  readonly fileBytes: number
}

export interface FoundLog {
  /** Ascending, without gaps. None in an empty folder. */
  readonly segments: readonly FoundSegment[]
  readonly epochs: EpochStarts
  readonly end: OffsetAndEpoch
  /** After the last whole batch: the remains of a write that was not acknowledged. */
  readonly tornBytes: number
  /** Contents of the file `synced-end`; undefined if it is missing or damaged. */
  readonly syncedEnd: OffsetAndEpoch | undefined
}

export const segmentName = (base: number): string => `${String(base).padStart(20, '0')}.log`

function baseOf(name: string): number | undefined {
  const [, base] = /^(\d{20})\.log$/.exec(name) ?? []
  return base !== undefined && Number.isSafeInteger(Number(base)) ? Number(base) : undefined
}

const refuse = (path: string, because: string): never => {
  throw new RaftLogDamaged(`log.dirs: ${path} ${because}. ${remedy}`)
}

/** Reads the log in a folder, and changes nothing. Throws RaftLogDamaged if durable records are missing. */
export async function readRaftLog(folder: string): Promise<FoundLog> {
  const read = <T>(work: () => Promise<T>): Promise<T> => step(`log.dirs: ${folder} cannot be read`, filesAdvice, work)
  const bases = (await read(() => readdir(folder))).flatMap((name) => baseOf(name) ?? []).sort((a, b) => a - b)
  const syncedEnd = await read(() => SyncedEnd.read(folder))
  const epochs = new EpochStarts(0)
  const segments: FoundSegment[] = []
  let end: OffsetAndEpoch = { offset: bases[0] ?? 0, epoch: 0 }
  let tornBytes = 0
  for (const [index, base] of bases.entries()) {
    const path = join(folder, segmentName(base))
    const content = await read(() => readFile(path))
    const found = readRaftBatches(content, end)
    segments.push({ base, positions: positionsOf(found, epochs), bytes: found.bytes, fileBytes: content.length })
    const last = found.batches.at(-1)
    if (last !== undefined) end = { offset: last.endOffset, epoch: last.epoch }
    const next = bases[index + 1]
    if (next === undefined) tornBytes = checkTail(path, content, found, { end, syncedEnd })
    else if (next !== end.offset) {
      const because = found.because === undefined ? '' : `: ${found.because}`
      refuse(
        path,
        `has no whole batch at byte ${found.bytes} (offset ${end.offset}), and the next segment begins at offset ${next}${because}`,
      )
    }
  }
  return { segments, epochs, end, tornBytes, syncedEnd }
}

function positionsOf({ batches }: RaftBatches, epochs: EpochStarts): BatchPositions {
  const positions = new BatchPositions()
  let position = 0
  for (const { baseOffset, epoch, bytes } of batches) {
    positions.add(baseOffset, position)
    epochs.add(epoch, baseOffset)
    position += bytes.length
  }
  return positions
}

/** Number of bytes in the last segment that a torn write left behind. Refuses the log if they were durable. */
function checkTail(
  path: string,
  content: Buffer,
  found: RaftBatches,
  log: { end: OffsetAndEpoch; syncedEnd: OffsetAndEpoch | undefined },
): number {
  const { bytes: at, because } = found
  const { end, syncedEnd } = log
  const place = `is damaged at byte ${at} (offset ${end.offset})`
  const reason = because === undefined ? '' : `; ${because}`
  if (syncedEnd !== undefined && syncedEnd.offset > end.offset)
    refuse(path, `${place}: records below offset ${syncedEnd.offset} were durable${reason}`)
  if (found.batches.length > 0 && syncedEnd?.offset === end.offset && syncedEnd.epoch !== end.epoch)
    refuse(path, `is damaged before byte ${at} (offset ${end.offset}): the epoch is ${end.epoch}, expected ${syncedEnd.epoch}`)
  const used = usedBytes(content)
  if (used <= at) return 0
  const trailer = trailerOf(content)
  if (trailer?.end === at && used === at + trailerBytes) return 0
  if (trailer !== undefined && trailer.start > at) refuse(path, `${place}: a later write begins at byte ${trailer.start}${reason}`)
  if (syncedEnd === undefined)
    refuse(path, `${place}, and without a whole file ${SyncedEnd.path('')} a torn write is not distinguished from damage${reason}`)
  return used - at
}

/** Where the log starts, and whether its newest snapshot must replace it: a crash interrupted the installation. */
export interface LogStart {
  readonly start: OffsetAndEpoch
  readonly isReplaced: boolean
}

/** `snapshots`: ids of the whole ones in the folder, ascending. Refuses a log with a gap between the snapshot and the records. */
export function startOf(folder: string, { segments, epochs, end, syncedEnd }: FoundLog, snapshots: readonly OffsetAndEpoch[]): LogStart {
  const newest = snapshots.at(-1) ?? { offset: 0, epoch: 0 }
  const base = segments[0]?.base
  if (base === undefined) {
    if (syncedEnd !== undefined && syncedEnd.offset > newest.offset)
      refuse(
        folder,
        `has no log segments, but records below offset ${syncedEnd.offset} were durable: it needs a checkpoint that contains them`,
      )
    return { start: newest, isReplaced: false }
  }
  if (base > newest.offset)
    refuse(folder, `has no records between offset ${newest.offset}, the end of its newest whole checkpoint, and offset ${base}`)
  const known = Math.min(newest.offset, end.offset)
  const epoch = known > base ? epochs.before(known) : newest.epoch
  if (epoch > newest.epoch)
    refuse(folder, `has a log of epoch ${epoch} at offset ${known}, but its checkpoint there has the earlier epoch ${newest.epoch}`)
  if (newest.offset > end.offset || epoch < newest.epoch) return { start: newest, isReplaced: true }
  const isInLog = (each: OffsetAndEpoch): boolean =>
    each.offset === base || (each.offset > base && epochs.before(each.offset) === each.epoch)
  const start = base === 0 ? { offset: 0, epoch: 0 } : (snapshots.find(isInLog) ?? newest)
  const first = epochs.rows[0]
  if (start.offset === base && first !== undefined && first.epoch < start.epoch)
    refuse(folder, `has a log of epoch ${first.epoch} at offset ${base}, but its checkpoint there has the later epoch ${start.epoch}`)
  return { start, isReplaced: false }
}
