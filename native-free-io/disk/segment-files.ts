import { closeSync, constants, fstatSync, fsyncSync, ftruncateSync, readdirSync, unlinkSync } from 'node:fs'
import { link, open, rm, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { SegmentLayout } from '../../src/ports/lane.ts'
import { segmentName, segmentStart, startOfSegment } from '../../src/wal/segments.ts'
import { crashPoint } from '../process/crash-point.ts'
import { isAllocated } from './allocated.ts'
import { type DirectBuffers, type DirectFile, openDirect, readZeroed, writeIfRoom } from './direct-file.ts'
import { isNoRoom } from './disk-room.ts'
import { syncFolder, syncFolderNow } from './durable-file.ts'
import { sparesIn } from './spare-segments.ts'
import { unlessMissing } from './unless-missing.ts'

/** Size of one write of zeros. */
const zeroBytes = 1 << 20

/**
 * The segment files of a log, as one thread reads and writes them: one is open at a time. A segment is a sparse file of full size, so that a
 * shorter one has lost data.
 */
export class SegmentFiles {
  readonly #folder: string
  readonly #layout: SegmentLayout
  readonly #preparedSegments: number
  readonly #buffers: DirectBuffers
  #open: (DirectFile & { readonly start: number }) | undefined
  #written = -1
  /** The log is allocated between its end and this position. */
  #allocated = 0

  /** `preparedSegments`: the log is prepared to the end of this many segments, with the one in use. */
  constructor(folder: string, layout: SegmentLayout, preparedSegments: number, buffers: DirectBuffers) {
    this.#preparedSegments = preparedSegments
    this.#folder = folder
    this.#layout = layout
    this.#buffers = buffers
  }

  /** Start of the segment that was written last; -1 at first. */
  get written(): number {
    return this.#written
  }

  /** Returns false when the disk has no room. The range is within one segment, which is created if necessary. */
  write(address: number, bytes: number, position: number): boolean {
    return this.#enter(segmentStart(this.#layout, position)) && this.#put(address, bytes, position)
  }

  #enter(start: number): boolean {
    if (this.#written === start) return true
    this.close()
    const file = this.#opened(start)
    if (file === undefined) return false
    this.#open = { ...file, start }
    this.#written = start
    return true
  }

  #put(address: number, bytes: number, position: number): boolean {
    return writeIfRoom(this.#open!, this.#buffers.bytes, { address, bytes }, position - this.#open!.start)
  }

  /**
   * Writes zeros after the end of the log: overwriting allocated blocks costs half as much as allocating them. Returns false when enough is
   * prepared, or the disk has no room.
   */
  prepare(end: number): boolean {
    const { bytes } = this.#layout
    this.#allocated = Math.max(this.#allocated, end)
    const start = segmentStart(this.#layout, this.#allocated)
    if (start >= segmentStart(this.#layout, end) + this.#preparedSegments * bytes || !this.#enter(start)) return false
    if (isAllocated(fstatSync(this.#open!.fd), bytes)) {
      this.#allocated = start + bytes
      return true
    }
    const count = Math.min(zeroBytes, start + bytes - this.#allocated)
    const isDone = this.#put(this.#buffers.zeros.base, count, this.#allocated)
    if (isDone) this.#allocated += count
    return isDone
  }

  /** Reads whole blocks of one segment. What was never written are zeros, as is a missing segment. */
  read(address: number, bytes: number, position: number): void {
    const start = segmentStart(this.#layout, position)
    if (this.#open?.start !== start) {
      this.close()
      const path = join(this.#folder, segmentName(start))
      const file = unlessMissing(() => openDirect(path, this.#buffers, 0))
      this.#open = file && { ...file, start }
    }
    if (this.#open === undefined) this.#buffers.bytes.fill(0, address, address + bytes)
    else readZeroed(this.#open.fd, this.#buffers.bytes, { address, bytes }, position - start)
  }

  close(): void {
    if (this.#open !== undefined) closeSync(this.#open.fd)
    this.#open = undefined
    this.#written = -1
  }

  /** The segment, to be written, with its name and size durable; undefined when the disk has no room for it. */
  #opened(start: number): DirectFile | undefined {
    const path = join(this.#folder, segmentName(start))
    // A file with a second name is an object: a segment of another log with the same positions.
    const known = unlessMissing(() => openDirect(path, this.#buffers, 0))
    const isOwn = known !== undefined && fstatSync(known.fd).nlink === 1
    if (known !== undefined && !isOwn) {
      closeSync(known.fd)
      unlinkSync(path)
    }
    let file: DirectFile | undefined = isOwn ? known : undefined
    try {
      file ??= openDirect(path, this.#buffers, constants.O_CREAT | constants.O_EXCL)
      if (fstatSync(file.fd).size < this.#layout.bytes) ftruncateSync(file.fd, this.#layout.bytes)
      fsyncSync(file.fd)
      syncFolderNow(this.#folder)
      return file
    } catch (error) {
      if (file !== undefined) closeSync(file.fd)
      if (isNoRoom(error)) return undefined
      throw error
    }
  }
}

/** Starts of the segments in a folder, ascending; none if there is no folder. */
export const segmentsIn = (folder: string): number[] =>
  (unlessMissing(() => readdirSync(folder)) ?? []).flatMap((name) => startOfSegment(name) ?? []).sort((a, b) => a - b)

/** Removes the segments of a folder that end at a position or before. */
export async function removeSegments(folder: string, bytes: number, until: number): Promise<void> {
  const ended = segmentsIn(folder).filter((start) => start + bytes <= until)
  await Promise.all(ended.map((start) => rm(join(folder, segmentName(start)), { force: true })))
}

/** As `removeSegments`, synchronously. */
export function removeSegmentsNow(folder: string, bytes: number, until: number): void {
  for (const start of segmentsIn(folder)) if (start + bytes <= until) unlinkSync(join(folder, segmentName(start)))
}

/** Removes all segments and spare files of a folder, which may not exist. */
export function removeAllSegments(folder: string): void {
  removeSegmentsNow(folder, 0, Number.POSITIVE_INFINITY)
  for (const path of unlessMissing(() => sparesIn(folder)) ?? []) unlinkSync(path)
}

/**
 * Creates a segment ahead of time, with its name and size durable: from a spare file, or sparse. The persistence thread may be faster. For one
 * caller at a time: a spare file becomes one segment.
 */
export async function createSegment(folder: string, start: number, bytes: number): Promise<void> {
  try {
    const [spare] = sparesIn(folder)
    if (spare !== undefined) {
      await link(spare, join(folder, segmentName(start)))
      crashPoint('segment created')
      await unlink(spare)
      return await syncFolder(folder)
    }
    const file = await open(join(folder, segmentName(start)), 'wx', 0o600)
    try {
      await file.truncate(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
    await syncFolder(folder)
  } catch (error) {
    // A full disk is reported by the thread that writes.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST' && !isNoRoom(error)) throw error
  }
}
