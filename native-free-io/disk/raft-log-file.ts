import { assert } from '../../src/base/assert.ts'
import type { EpochStart, OffsetAndEpoch, RaftBatch, RaftLog } from '../../src/ports/raft-log.ts'
import { raftBatchBytesMax } from '../../src/wire/raft-batches.ts'
import { type CrashPoint, crashPoint } from '../process/crash-point.ts'
import { filesAdvice, step } from '../process/start-failure.ts'
import { type DiskRoom, isNoRoom } from './disk-room.ts'
import { syncNewFolders } from './durable-file.ts'
import type { EpochStarts } from './epoch-starts.ts'
import { makeFolder } from './folders.ts'
import { readRaftLog, startOf } from './raft-log-recovery.ts'
import { RaftLogSegment, reserveBytes } from './raft-log-segment.ts'
import { encodeTrailer, SyncedEnd, trailerBytes } from './raft-log-tail.ts'

interface Append {
  readonly type: 'append'
  readonly segment: RaftLogSegment
  readonly position: number
  readonly batches: readonly RaftBatch[]
  readonly bytes: number
  /** Lowered by a truncation that follows. */
  end: OffsetAndEpoch
  readonly done: () => void
}

interface Work {
  readonly type: 'work'
  run(): Promise<void>
  readonly done: () => void
}

export interface RaftLogOptions {
  readonly folder: string
  /** Ids of the whole snapshots in the folder, ascending. */
  readonly snapshots: readonly OffsetAndEpoch[]
  readonly room: DiskRoom
  /** Called once, when a write or sync has failed. Its calls never resolve then; the node stops and recovers at its next start. */
  failed(error: Error): void
  readonly atPoint?: (point: CrashPoint) => void
}

interface Parts extends RaftLogOptions {
  readonly segments: readonly RaftLogSegment[]
  readonly epochs: EpochStarts
  readonly start: OffsetAndEpoch
  readonly end: OffsetAndEpoch
  readonly mark: SyncedEnd
}

export interface OpenedRaftLog {
  readonly log: RaftLogFile
  /** Removed after the last whole batch: the remains of a write that a crash cut off. */
  readonly tornBytes: number
}

const nothing: OffsetAndEpoch = { offset: 0, epoch: 0 }

/**
 * Raft's log in segment files of record batches. `raft-log-tail.ts` states how a torn write is distinguished from damage. A failed write or
 * sync is never retried, since the contents of the disk are undefined.
 */
export class RaftLogFile implements RaftLog {
  readonly #options: RaftLogOptions
  readonly #mark: SyncedEnd
  readonly #epochs: EpochStarts
  #segments: RaftLogSegment[]
  #start: OffsetAndEpoch
  #endOffset: number
  #syncedEnd: number
  /** Batches that are not in the file yet, by base offset. */
  readonly #unwritten = new Map<number, Buffer>()
  /** With those in progress, which are first. */
  #jobs: (Append | Work)[] = []
  #working: Promise<void> | undefined
  /** Set while the disk has no room for the reserve. */
  #allocating: Promise<void> | undefined
  /** Why the reserve cannot be allocated. */
  #lost: Error | undefined
  #isBroken = false

  private constructor({ segments, epochs, start, end, mark, ...options }: Parts) {
    assert(segments.length > 0, 'a log has a segment')
    this.#options = options
    this.#segments = [...segments]
    this.#epochs = epochs
    this.#start = start
    this.#endOffset = end.offset
    this.#syncedEnd = end.offset
    this.#mark = mark
  }

  /** Opens the log, or creates it, and removes the remains of a torn write. Throws RaftLogDamaged if durable records are missing. */
  static async open(options: RaftLogOptions): Promise<OpenedRaftLog> {
    const { folder, snapshots, room } = options
    await step(`log.dirs: ${folder} cannot be used`, filesAdvice, () => syncNewFolders(folder, makeFolder(folder)))
    const found = await readRaftLog(folder)
    const { start, isReplaced } = startOf(folder, found, snapshots)
    const segments = found.segments.map((each) => new RaftLogSegment(folder, each.base, each))
    const end = segments.length === 0 ? start : found.end
    for (const segment of segments) await segment.open()
    const last = segments.at(-1)
    if (found.tornBytes > 0) await last?.cut(last.bytes)
    // A killed process may have written batches without a sync.
    else await last?.sync()
    const mark = await SyncedEnd.open(folder, found.syncedEnd, end)
    if (last === undefined) {
      const first = new RaftLogSegment(folder, start.offset)
      await room.untilWritten(first.path, () => first.create())
      segments.push(first)
    }
    if (!isReplaced) found.epochs.startAt(start)
    const log = new RaftLogFile({ ...options, segments, epochs: found.epochs, start, end, mark })
    if (isReplaced) await log.reset(start)
    return { log, tornBytes: found.tornBytes }
  }

  get start(): OffsetAndEpoch {
    return this.#start
  }

  get end(): OffsetAndEpoch {
    return { offset: this.#endOffset, epoch: this.#epochs.last }
  }

  get syncedEnd(): number {
    return this.#syncedEnd
  }

  get bytes(): number {
    return this.#segments.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  get isFull(): boolean {
    return this.#allocating !== undefined
  }

  get epochs(): readonly EpochStart[] {
    return this.#epochs.rows
  }

  epochBefore(offset: number): number {
    assert(offset >= this.#start.offset && offset <= this.#endOffset, 'the offset is in the log')
    return offset === this.#start.offset ? this.#start.epoch : this.#epochs.before(offset)
  }

  append(batches: readonly RaftBatch[]): Promise<void> {
    if (batches.length === 0) return this.#work(async () => {})
    const segment = this.#active
    const position = segment.bytes
    for (const { baseOffset, endOffset, epoch, bytes } of batches) {
      assert(baseOffset === this.#endOffset && endOffset > baseOffset, 'a batch begins at the end of the log')
      assert(bytes.length <= raftBatchBytesMax, 'a batch is within its limit')
      this.#epochs.add(epoch, baseOffset)
      segment.positions.add(baseOffset, segment.bytes)
      segment.bytes += bytes.length
      this.#unwritten.set(baseOffset, bytes)
      this.#endOffset = endOffset
    }
    const bytes = segment.bytes - position
    return new Promise((done) => this.#add({ type: 'append', segment, position, batches, bytes, end: this.end, done }))
  }

  truncateTo(offset: number): Promise<void> {
    assert(offset >= this.#start.offset && offset <= this.#endOffset, 'a log is truncated within its bounds')
    if (offset === this.#endOffset) return this.#work(async () => {})
    assert(this.#isBoundary(offset), 'a log is truncated at the start of a batch')
    const kept = this.#segments.filter(({ base }, index) => index === 0 || base <= offset)
    const removed = this.#segments.slice(kept.length)
    const last = kept.at(-1)!
    const count = last.positions.countBelow(offset)
    last.bytes = last.positions.position(count)
    last.positions.truncate(count)
    this.#segments = kept
    const end = { offset, epoch: this.epochBefore(offset) }
    this.#shorten(end)
    this.#epochs.truncate(offset)
    const { bytes } = last
    return this.#work(async () => {
      await this.#lowerMark(end)
      await this.#remove(removed.reverse())
      await last.cut(bytes)
      this.#at('metadata log segment cut')
    })
  }

  read(from: number, upTo: number, bytesMax: number): Buffer {
    assert(from >= this.#start.offset && from <= this.#endOffset, 'a read begins in the log')
    const parts: Buffer[] = []
    let taken = 0
    let run: { segment: RaftLogSegment; start: number; end: number } | undefined
    const flush = (): void => {
      if (run !== undefined) parts.push(run.segment.read(run.start, run.end))
      run = undefined
    }
    for (const { segment, offset, endOffset, start, end } of this.#batchesFrom(from)) {
      if (endOffset > upTo || (taken > 0 && taken + end - start > bytesMax)) break
      taken += end - start
      const unwritten = this.#unwritten.get(offset)
      if (unwritten === undefined && run?.segment === segment && run.end === start) {
        run.end = end
        continue
      }
      flush()
      if (unwritten === undefined) run = { segment, start, end }
      else parts.push(unwritten)
    }
    flush()
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
  }

  roll(): Promise<void> {
    const former = this.#active
    if (former.positions.count === 0 || this.isFull) return this.#work(async () => {})
    const next = new RaftLogSegment(this.#options.folder, this.#endOffset)
    this.#segments.push(next)
    const { bytes } = former
    return this.#work(async () => {
      await former.cut(bytes)
      this.#at('metadata log segment cut')
      await this.#create(next)
    })
  }

  dropBelow(offset: number): Promise<void> {
    const epoch = this.epochBefore(offset)
    assert(this.#isBoundary(offset), 'a log starts at the start of a batch')
    const kept = this.#segments.filter((_, index) => (this.#segments[index + 1]?.base ?? Number.POSITIVE_INFINITY) > offset)
    const removed = this.#segments.slice(0, this.#segments.length - kept.length)
    this.#segments = kept
    this.#start = { offset, epoch }
    this.#epochs.startAt(this.#start)
    return this.#work(() => this.#remove(removed))
  }

  reset(snapshot: OffsetAndEpoch): Promise<void> {
    const removed = this.#segments
    const first = new RaftLogSegment(this.#options.folder, snapshot.offset)
    this.#segments = [first]
    this.#shorten(nothing)
    this.#epochs.reset(snapshot)
    this.#start = snapshot
    this.#endOffset = snapshot.offset
    this.#syncedEnd = snapshot.offset
    return this.#work(async () => {
      await this.#lowerMark(nothing)
      await this.#remove([...removed].reverse())
      await this.#create(first)
      await this.#mark.write(snapshot)
    })
  }

  async close(): Promise<void> {
    await this.#working
    await this.#allocating?.catch(() => {})
    if (!this.#isBroken) {
      await this.#mark.writeDurably(this.end)
      // Without the reserve, so that third-party tools read the file to its end.
      await this.#active.cut(this.#active.bytes)
    }
    for (const segment of this.#segments) await segment.close()
    await this.#mark.close()
  }

  get #active(): RaftLogSegment {
    return this.#segments.at(-1)!
  }

  #at(point: CrashPoint): void {
    ;(this.#options.atPoint ?? crashPoint)(point)
  }

  /** No batch from `end` on is part of the log any more. */
  #shorten(end: OffsetAndEpoch): void {
    this.#endOffset = end.offset
    this.#syncedEnd = Math.min(this.#syncedEnd, end.offset)
    for (const offset of this.#unwritten.keys()) if (offset >= end.offset) this.#unwritten.delete(offset)
    for (const job of this.#jobs) if (job.type === 'append' && job.end.offset > end.offset) job.end = end
  }

  #isBoundary(offset: number): boolean {
    const { positions } = this.#segments.findLast(({ base }) => base <= offset)!
    const count = positions.countBelow(offset)
    return offset === this.#endOffset || (count < positions.count && positions.offset(count) === offset)
  }

  *#batchesFrom(from: number): Generator<{ segment: RaftLogSegment; offset: number; endOffset: number; start: number; end: number }> {
    const first = this.#segments.findLastIndex(({ base }) => base <= from)
    for (let at = first; at < this.#segments.length; at++) {
      const segment = this.#segments[at]!
      const { positions } = segment
      const segmentEnd = this.#segments[at + 1]?.base ?? this.#endOffset
      for (let index = Math.max(0, positions.countBelow(from + 1) - 1); index < positions.count; index++) {
        const isLast = index + 1 === positions.count
        const endOffset = isLast ? segmentEnd : positions.offset(index + 1)
        const end = isLast ? segment.bytes : positions.position(index + 1)
        if (endOffset > from) yield { segment, offset: positions.offset(index), endOffset, start: positions.position(index), end }
      }
    }
  }

  #work(run: () => Promise<void>): Promise<void> {
    return new Promise((done) => this.#add({ type: 'work', run, done }))
  }

  #add(job: Append | Work): void {
    this.#jobs.push(job)
    this.#working ??= this.#run()
  }

  async #run(): Promise<void> {
    // Calls of the same turn of the event loop are written together.
    await Promise.resolve()
    while (this.#jobs.length > 0 && !this.#isBroken) {
      const [first] = this.#jobs as [Append | Work]
      const appends = first.type === 'append' ? this.#together() : []
      try {
        if (first.type === 'append') await this.#write(appends)
        else await first.run()
      } catch (cause) {
        this.#isBroken = true
        const { folder, failed } = this.#options
        failed(new Error(`the metadata log ${folder} cannot be written: ${(cause as Error).message}`, { cause }))
        return
      }
      for (const job of this.#jobs.splice(0, Math.max(1, appends.length))) job.done()
    }
    // In the same turn as the check for an empty queue: later calls start the work again.
    this.#working = undefined
  }

  /** The appends before the next other job that share a segment, up to the size of a batch. */
  #together(): Append[] {
    const found: Append[] = []
    let bytes = 0
    for (const job of this.#jobs) {
      if (job.type !== 'append' || job.segment !== (found[0] ?? job).segment) break
      if (found.length > 0 && bytes + job.bytes > raftBatchBytesMax) break
      found.push(job)
      bytes += job.bytes
    }
    return found
  }

  async #write(appends: readonly Append[]): Promise<void> {
    const { segment, position: start } = appends[0]!
    const last = appends.at(-1)!
    const end = last.position + last.bytes
    await this.#reserve(segment, end + trailerBytes)
    const batches = appends.flatMap((append) => append.batches)
    await segment.write([...batches.map(({ bytes }) => bytes), encodeTrailer({ start, end })], start)
    this.#at('metadata log written')
    for (const { baseOffset, bytes } of batches) if (this.#unwritten.get(baseOffset) === bytes) this.#unwritten.delete(baseOffset)
    await segment.sync()
    await this.#mark.write(last.end)
    this.#syncedEnd = Math.max(this.#syncedEnd, last.end.offset)
  }

  /** Extends the file to `end` bytes and a reserve. On a full disk, the reserve is used up before any write waits. */
  async #reserve(segment: RaftLogSegment, end: number): Promise<void> {
    while (end + reserveBytes / 2 > segment.allocated) {
      if (this.#allocating === undefined) {
        const allocate = async (): Promise<void> => (segment.isOpen ? segment.allocate(end + reserveBytes) : undefined)
        try {
          return await allocate()
        } catch (error) {
          if (!isNoRoom(error)) throw error
        }
        this.#allocating = this.#options.room.untilWritten(segment.path, allocate).finally(() => (this.#allocating = undefined))
        this.#allocating.catch((error: Error) => (this.#lost = error))
      }
      if (end <= segment.allocated) return
      await this.#allocating
      if (this.#lost !== undefined) throw this.#lost
    }
  }

  async #lowerMark(end: OffsetAndEpoch): Promise<void> {
    await this.#mark.writeDurably(end)
    this.#at('metadata log synced end lowered')
  }

  /** In this order, with one at a time durable: the rest never has a gap. */
  async #remove(segments: readonly RaftLogSegment[]): Promise<void> {
    for (const segment of segments) {
      await segment.remove()
      this.#at('metadata log segment removed')
    }
  }

  async #create(segment: RaftLogSegment): Promise<void> {
    await this.#options.room.untilWritten(segment.path, () => segment.create())
    this.#at('metadata log segment created')
  }
}
