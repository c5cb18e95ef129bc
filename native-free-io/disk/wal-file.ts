import { closeSync, constants, fstatSync, fsyncSync, ftruncateSync, readSync } from 'node:fs'
import { dirname } from 'node:path'
import { assert } from '../../src/base/assert.ts'
import type { WalWriter } from '../../src/pipeline/persistence/persistence.ts'
import type { SegmentLayout, WalState } from '../../src/ports/lane.ts'
import type { TrimPoint } from '../../src/ports/trim-point.ts'
import { rangeAt, segmentFolder } from '../../src/wal/segments.ts'
import { blockBytes } from '../../src/wal/wal-record.ts'
import type { Crc } from '../../src/wal/wal-recovery.ts'
import {
  circularBytes,
  encodeSuperblock,
  logStart,
  readSuperblocks,
  type Superblock,
  superblocks,
  type WalIdentity,
} from '../../src/wal/wal-superblock.ts'
import type { BlockDevice } from './block-device.ts'
import { type DirectBuffers, type DirectFile, openDirect, readZeroed, writeIfRoom } from './direct-file.ts'
import { syncFolderNow, syncNewFolders } from './durable-file.ts'
import { makeFolder } from './folders.ts'
import { removeAllSegments, removeSegmentsNow, SegmentFiles } from './segment-files.ts'

const extendBytes = 1 << 20
/** In short pauses the circular part is prepared this far ahead, and as far again as it has been used. */
const preparedBytesMin = 64 << 20

/** Memory of the arena for this file. */
export interface WalBuffers extends DirectBuffers {
  readonly view: DataView
  readonly crc: Crc
}

/** A log to open, or to create if there are only zeros. */
export interface WalTarget {
  readonly path: string
  /** Null for a file. */
  readonly device: BlockDevice | null
  readonly identity: WalIdentity
  /** Capacity of a new log. */
  readonly capacity: number
  /** Size of the segments that a log of this capacity should have; 0 or undefined: it stays circular. An existing log keeps its segments. */
  readonly segmentBytes?: ((capacity: number) => number) | undefined
  /** Minimum number of this start. */
  readonly incarnation: number
  /** Number of records in the metadata log. */
  readonly metadataRecords: number
}

/** State for a second handle. */
export interface WalHandle {
  readonly state: WalState
  /** Bytes of the log, from its start, that have been written at least once. */
  readonly prepared: number
}

/**
 * The files of the WAL. The file at the path contains the superblocks and the circular part, in which the position in the file is the
 * remainder by the capacity; it may be a block device. From a position on, a log may be in segment files in place of it. Positions only
 * grow. Direct and synchronous where the file system supports it, else buffered with `fdatasync`; one writing thread.
 *
 * Invariant: a file has its full size from the beginning, so a shorter file has lost data.
 */
export class WalFile implements WalWriter {
  readonly #file: DirectFile
  readonly #segments: SegmentFiles | undefined
  readonly #buffers: WalBuffers
  #state: WalState
  #superblock: Superblock | undefined
  #prepared: number

  private constructor(path: string, file: DirectFile, buffers: WalBuffers, { state, prepared }: WalHandle) {
    this.#file = file
    const { capacity, segments } = state
    // Half of the log is prepared: a burst of that size is written over allocated blocks.
    this.#segments = segments && new SegmentFiles(segmentFolder(path), segments, Math.floor(capacity / segments.bytes / 2), buffers)
    this.#buffers = buffers
    this.#state = state
    this.#prepared = prepared
  }

  /** Opens or creates the log and records a new incarnation durably. An existing log keeps its capacity and its secret. */
  static open(target: WalTarget, buffers: WalBuffers, entropy: () => number): WalFile {
    const { path, device, identity, metadataRecords, capacity, incarnation } = target
    const opened = openDirect(path, buffers, device === null ? constants.O_CREAT : 0)
    const { fd } = opened
    const found = readSuperblock(fd, buffers)
    if (found?.identity !== undefined) assert(isSame(found.identity, identity), `the write-ahead log ${path} is this node's`)
    const before: WalState = found?.state ?? {
      capacity,
      secret: entropy() >>> 0,
      incarnation: 0,
      trimmed: 0,
      previous: 0,
      previousIncarnation: 0,
    }
    const state = { ...before, segments: before.segments ?? newSegments(target, before, found === undefined) }
    if (state.segments !== undefined) openSegments(segmentFolder(path), state, found === undefined)
    if (device === null) setSize(fd, state)
    // No allocation is necessary on a device.
    const prepared = device === null ? (found?.prepared ?? 0) : state.capacity
    const file = new WalFile(path, opened, buffers, { state, prepared })
    file.#superblock = { state, sequence: found?.sequence ?? 0, identity, metadataRecords, prepared }
    file.#writeSuperblock({ ...state, incarnation: Math.max(state.incarnation + 1, incarnation) })
    if (device === null) syncFolderNow(dirname(path))
    return file
  }

  /** A second handle on a log that `open` has prepared, for another thread. */
  static attach(path: string, handle: WalHandle, buffers: WalBuffers): WalFile {
    return new WalFile(path, openDirect(path, buffers, 0), buffers, handle)
  }

  /** False: every write is followed by `fdatasync`. */
  get direct(): boolean {
    return this.#file.direct
  }

  /** Start of the segment that was written last; -1 if there is none. */
  get segment(): number {
    return this.#segments?.written ?? -1
  }

  get state(): WalState {
    return this.#state
  }

  get prepared(): number {
    return this.#prepared
  }

  /** A write that finds no room may leave a part of itself. The log ends before it, and the next attempt overwrites it. */
  write(address: number, bytes: number, position: number): boolean {
    const { segment, at } = rangeAt(this.#state, position, logStart)
    if (segment >= 0) return this.#segments!.write(address, bytes, position)
    if (!this.#putIfRoom(address, bytes, at)) return false
    this.#prepared = Math.max(this.#prepared, at - logStart + bytes)
    return true
  }

  /** Reads whole blocks into the arena. Blocks that were never written are zeros. */
  read(address: number, bytes: number, position: number): void {
    for (let done = 0; done < bytes; ) {
      const range = rangeAt(this.#state, position + done, logStart)
      const requested = Math.min(bytes - done, range.bytes)
      if (range.segment >= 0) this.#segments!.read(address + done, requested, position + done)
      else readZeroed(this.#file.fd, this.#buffers.bytes, { address: address + done, bytes: requested }, range.at)
      done += requested
    }
  }

  /**
   * Writes a part of the log with zeros ahead of time, in the circular part up to a position of the first lap: overwriting allocated blocks
   * costs half as much as allocating them. In short pauses an unused log is not prepared: many nodes are stopped before that pays.
   */
  prepare(end: number, isLongPause: boolean): boolean {
    const { capacity, segments } = this.#state
    if (segments !== undefined && end >= segments.from) return isLongPause && this.#segments!.prepare(end)
    const until = isLongPause ? capacity : end === 0 ? 0 : Math.min(2 * end + preparedBytesMin, capacity)
    const bytes = Math.min(extendBytes, until - this.#prepared)
    if (bytes <= 0) return false
    if (!this.#putIfRoom(this.#buffers.zeros.base, bytes, logStart + this.#prepared)) return false
    this.#prepared += bytes
    return true
  }

  /** All records below the trim point are stored elsewhere; durable when this returns. */
  trim(cut: TrimPoint): void {
    const { trimmed } = this.#state
    this.#writeSuperblock({ ...this.#state, ...cut })
    const { segments } = this.#state
    if (segments !== undefined && trimmed < segments.from && cut.trimmed >= segments.from) setSize(this.#file.fd, this.#state)
  }

  /** Sets the number of records in the metadata log, and the number of bytes of the log that have been written once. */
  note(metadataRecords: number, prepared: number): void {
    const known = this.#superblock!
    this.#superblock = {
      ...known,
      metadataRecords: Math.max(known.metadataRecords, metadataRecords),
      prepared: Math.max(known.prepared, prepared),
    }
    this.#writeSuperblock(this.#state)
  }

  close(): void {
    closeSync(this.#file.fd)
    this.#segments?.close()
  }

  #put(address: number, bytes: number, at: number): void {
    if (!this.#putIfRoom(address, bytes, at)) throw new Error(`the disk has no room for ${bytes} bytes of the write-ahead log`)
  }

  #putIfRoom(address: number, bytes: number, at: number): boolean {
    return writeIfRoom(this.#file, this.#buffers.bytes, { address, bytes }, at)
  }

  #writeSuperblock(state: WalState): void {
    const { superblock: at, bytes } = this.#buffers
    const superblock = { ...this.#superblock!, state, sequence: this.#superblock!.sequence + 1 }
    encodeSuperblock(bytes.subarray(at, at + blockBytes), superblock)
    this.#put(at, blockBytes, (superblock.sequence % superblocks) * blockBytes)
    this.#superblock = superblock
    this.#state = state
  }
}

const isSame = (a: WalIdentity, b: WalIdentity): boolean =>
  a.clusterId === b.clusterId && a.nodeId === b.nodeId && a.lane === b.lane && a.foundingId === b.foundingId

/** Undefined if there is no log yet. */
function readSuperblock(fd: number, { bytes, superblock: at }: WalBuffers): Superblock | undefined {
  const head = Buffer.alloc(superblocks * blockBytes)
  for (let slot = 0; slot < superblocks; slot++) {
    const count = readSync(fd, bytes, at, blockBytes, slot * blockBytes)
    bytes.copy(head, slot * blockBytes, at, at + count)
  }
  const found = readSuperblocks(head)
  assert(found.type === 'none' || found.type === 'whole', 'a log is opened where its superblocks are whole, or where there is none')
  return found.type === 'whole' ? found.superblock : undefined
}

/**
 * Segments for a log that has none. A log with records continues in its circular part up to a position that it cannot have reached, so
 * that nothing is copied.
 */
function newSegments({ segmentBytes }: WalTarget, { capacity, trimmed }: WalState, isNew: boolean): SegmentLayout | undefined {
  const bytes = segmentBytes?.(capacity) ?? 0
  if (bytes === 0) return undefined
  return { bytes, from: isNew ? 0 : Math.ceil((trimmed + capacity) / bytes) * bytes }
}

/** Creates the folder. Removes segments that are not needed any more: a crash can leave them. */
function openSegments(folder: string, state: WalState, isNew: boolean): void {
  syncNewFolders(folder, makeFolder(folder))
  if (isNew) removeAllSegments(folder)
  else removeSegmentsNow(folder, state.segments!.bytes, state.trimmed)
}

/**
 * The blocks of the circular part are allocated as they are written: see `prepare`. When the whole log is in segments, their room is
 * returned.
 */
function setSize(fd: number, state: WalState): void {
  const bytes = logStart + circularBytes(state)
  const { size } = fstatSync(fd)
  if (bytes > logStart ? size >= bytes : size === bytes) return
  ftruncateSync(fd, bytes)
  fsyncSync(fd)
}
