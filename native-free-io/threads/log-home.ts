import type { Worker } from 'node:worker_threads'
import { SerialQueue } from '../../src/actor/serial-queue.ts'
import type { FromStorePersistence, LaneData, LaneWal, ToStorePersistence } from '../../src/network/thread-messages.ts'
import type { LaneLayout } from '../../src/pipeline/arena-plan.ts'
import { kernel } from '../../src/pipeline/kernel/kernel.ts'
import type { SegmentLayout } from '../../src/ports/lane.ts'
import type { TrimPoint } from '../../src/ports/trim-point.ts'
import { segmentFolder, segmentStart } from '../../src/wal/segments.ts'
import { WalCorrupt } from '../../src/wal/wal-recovery.ts'
import { createSegment, removeSegments } from '../disk/segment-files.ts'
import { WalFile, type WalTarget } from '../disk/wal-file.ts'
import { StartRefused } from '../process/start-refused.ts'
import { openStoreWal, type StoreWalOptions } from '../store/s3-wal-files.ts'
import type { Arena } from './arena.ts'

/** The WAL from the side of the main thread. */
export interface LogHome {
  readonly wal: LaneWal
  /** Direct I/O, without the page cache. */
  readonly direct: boolean
  /** Starts the thread that makes the log durable, from a position on. */
  writer(spawn: (name: string, workerData: object) => Worker, lane: LaneData, position: number): Worker
  /** Durable when this returns, for a log that has a place for it: see `Superblock`. */
  note(metadataRecords: number, prepared: number): void
  /** The log has reached the segment that starts at this position. */
  entered(segment: number): void
  /** Resolves when every later write to the log contains the trim point. */
  trim(cut: TrimPoint): void | Promise<void>
  /** When this resolves, nothing creates or removes files of the log any more: another log may be at its place. */
  close(): Promise<void>
}

/** Number of segments that are created before the log reaches them. */
const segmentsAhead = 2

/** Reads of a segment that have begun finish within this time: without its file they would end without records. */
const keptMs = 2000

/** In order, so that a missing one was there: see `openWalPlace`. */
async function createAhead(folder: string, segments: SegmentLayout, position: number): Promise<void> {
  const first = Math.max(segments.from, segmentStart(segments, position))
  for (let i = 0; i <= segmentsAhead; i++) await createSegment(folder, first + i * segments.bytes, segments.bytes)
}

/** Memory of a lane's log. */
interface LogMemory {
  readonly layout: LaneLayout
  /** A block of zeros. */
  readonly zeros: { readonly base: number; readonly bytes: number }
}

export function fileHome(target: WalTarget, arena: Arena, { layout, zeros }: LogMemory, entropy: () => number): LogHome {
  const { path } = target
  const buffers = { ...arena, crc: kernel(arena.memory).crc, superblock: layout.superblock, zeros }
  const file = WalFile.open(target, buffers, entropy)
  const { bytes } = layout.log
  const { capacity, segments } = file.state
  if (capacity % bytes !== 0) {
    throw new StartRefused(`s3.wal.cache.size = ${bytes}: the write-ahead log ${path} has ${capacity} bytes, of which it must be a divisor`)
  }
  if (segments !== undefined && segments.bytes % bytes !== 0) {
    throw new StartRefused(
      `s3.wal.cache.size = ${bytes}: the write-ahead log ${path} has segments of ${segments.bytes} bytes, of which it must be a divisor`,
    )
  }
  const creations = new SerialQueue()
  const removals = new SerialQueue()
  const dueRemovals = new Set<NodeJS.Timeout>()
  const ahead = (position: number): void => {
    // A segment that could not be created is created by the thread that writes it, which reports the error.
    if (segments !== undefined) creations.run(() => createAhead(segmentFolder(path), segments, position)).catch(() => {})
  }
  return {
    get wal() {
      return { path, state: file.state, prepared: file.prepared, unflushedBytesMax: bytes }
    },
    direct: file.direct,
    writer: (spawn, lane, position) => {
      ahead(position)
      return spawn('persistence', { ...lane, position })
    },
    entered: ahead,
    note: (metadataRecords, prepared) => file.note(metadataRecords, prepared),
    trim: (cut) => {
      file.trim(cut)
      if (segments === undefined) return
      const due = setTimeout(() => {
        dueRemovals.delete(due)
        // What could not be removed is removed later, or at the next start.
        removals.run(() => removeSegments(segmentFolder(path), segments.bytes, cut.trimmed)).catch(() => {})
      }, keptMs).unref()
      dueRemovals.add(due)
    },
    async close() {
      for (const due of dueRemovals) clearTimeout(due)
      await Promise.all([creations, removals].map((queue) => queue.run(() => Promise.resolve())))
      file.close()
    },
  }
}

export async function storeHome(options: StoreWalOptions, arena: Arena, { layout }: LogMemory, entropy: () => number): Promise<LogHome> {
  const { base, bytes: size } = layout.log
  const opened = await openStoreWal(options, { bytes: arena.bytes, base, size }, entropy)
  return new StoreHome(
    options,
    opened.data,
    { path: null, state: opened.state, prepared: 0, unflushedBytesMax: options.unflushedBytesMax },
    opened.end,
  )
}

class StoreHome implements LogHome {
  readonly direct = true
  readonly #options: StoreWalOptions
  readonly #data: object
  readonly #end: number
  #wal: LaneWal
  #writer: Worker | undefined
  readonly #waiting = new Map<number, () => void>()
  #requests = 0

  constructor(options: StoreWalOptions, data: object, wal: LaneWal, end: number) {
    this.#options = options
    this.#data = data
    this.#wal = wal
    this.#end = end
  }

  get wal(): LaneWal {
    return this.#wal
  }

  writer(spawn: (name: string, workerData: object) => Worker, lane: LaneData, position: number): Worker {
    // The objects are complete, so at most the last record can be incomplete.
    if (this.#end - position > lane.plan.lanes[lane.index]!.log.bytes / 2) {
      throw new WalCorrupt(
        `the write-ahead log in the store cannot be read at position ${position}, and continues to position ${this.#end}; restore its objects from a copy`,
      )
    }
    const writer = spawn('s3-persistence', { ...lane, position, store: this.#data })
    writer.on('message', (message: FromStorePersistence) => {
      if (message.type === 'fault') return this.#options.onFault(message.fault)
      this.#waiting.get(message.id)?.()
      this.#waiting.delete(message.id)
    })
    this.#writer = writer
    return writer
  }

  trim(cut: TrimPoint): Promise<void> {
    return new Promise((resolve) => {
      const id = ++this.#requests
      this.#waiting.set(id, () => {
        this.#wal = { ...this.#wal, state: { ...this.#wal.state, ...cut } }
        resolve()
      })
      this.#writer!.postMessage({ id, cut } satisfies ToStorePersistence)
    })
  }

  entered(): void {}

  /** The metadata log is in the same store, and detects its own gaps. */
  note(): void {}

  close(): Promise<void> {
    return Promise.resolve()
  }
}
