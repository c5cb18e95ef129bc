import { closeSync, constants, fdatasyncSync, fstatSync, fsyncSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { assert } from '../../src/base/assert.ts'
import { getU64 } from '../../src/base/long.ts'
import { unfilled } from '../../src/base/unfilled.ts'
import type { WalWriter } from '../../src/pipeline/persistence/persistence.ts'
import type { WalRange } from '../../src/ports/cold-reads.ts'
import type { TrimPoint, WalState } from '../../src/ports/lane.ts'
import { alignBlock, blockBytes, walRecord } from '../../src/wal/wal-record.ts'
import type { Crc } from '../../src/wal/wal-recovery.ts'
import {
  encodeSuperblock,
  logStart,
  readSuperblocks,
  type Superblock,
  superblocks,
  type WalIdentity,
} from '../../src/wal/wal-superblock.ts'
import type { BlockDevice } from './block-device.ts'
import { isNoRoom } from './disk-room.ts'
import { syncFolderNow } from './durable-file.ts'

const extendBytes = 1 << 20

/** Memory of the arena for this file: whole aligned blocks. */
export interface WalBuffers {
  readonly bytes: Buffer
  readonly view: DataView
  readonly crc: Crc
  readonly superblock: number
  readonly zeros: { readonly base: number; readonly bytes: number }
}

/** A log to open, or to create if there are only zeros. */
export interface WalTarget {
  readonly path: string
  /** Null for a file. */
  readonly device: BlockDevice | null
  readonly identity: WalIdentity
  /** Capacity of a new log. */
  readonly capacity: number
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
 * The circular file of the WAL, or a block device with the same layout. Positions only grow; the position in the file is the remainder by
 * the capacity. Direct and synchronous where the file system supports it, else buffered with `fdatasync`; one writing thread.
 *
 * Invariant: a file has its full size from the beginning, so a shorter file has lost data.
 */
export class WalFile implements WalWriter {
  readonly #fd: number
  readonly #buffers: WalBuffers
  /** False: every write is followed by `fdatasync`. */
  readonly direct: boolean
  #state: WalState
  #superblock: Superblock | undefined
  #prepared: number

  private constructor(fd: number, direct: boolean, buffers: WalBuffers, { state, prepared }: WalHandle) {
    this.#fd = fd
    this.#buffers = buffers
    this.direct = direct
    this.#state = state
    this.#prepared = prepared
  }

  /** Opens or creates the log and records a new incarnation durably. An existing log keeps its capacity and its secret. */
  static open(target: WalTarget, buffers: WalBuffers, entropy: () => number): WalFile {
    const { path, device, identity, metadataRecords, capacity, incarnation } = target
    const { fd, direct } = openForWriting(path, buffers, device === null ? constants.O_CREAT : 0)
    const found = readSuperblock(fd, buffers)
    if (found?.identity !== undefined) assert(isSame(found.identity, identity), `the write-ahead log ${path} is this node's`)
    const state = found?.state ?? {
      capacity,
      secret: entropy() >>> 0,
      incarnation: 0,
      trimmed: 0,
      previous: 0,
      previousIncarnation: 0,
    }
    if (device === null) setSize(fd, logStart + state.capacity)
    // No allocation is necessary on a device.
    const prepared = device === null ? (found?.prepared ?? 0) : state.capacity
    const file = new WalFile(fd, direct, buffers, { state, prepared })
    file.#superblock = { state, sequence: found?.sequence ?? 0, identity, metadataRecords, prepared }
    file.#writeSuperblock({ ...state, incarnation: Math.max(state.incarnation + 1, incarnation) })
    if (device === null) syncFolderNow(dirname(path))
    return file
  }

  /** A second handle on a log that `open` has prepared, for another thread. */
  static attach(path: string, handle: WalHandle, buffers: WalBuffers): WalFile {
    const { fd, direct } = openForWriting(path, buffers, 0)
    return new WalFile(fd, direct, buffers, handle)
  }

  get state(): WalState {
    return this.#state
  }

  get prepared(): number {
    return this.#prepared
  }

  /** A write that finds no room may leave a part of itself. The log ends before it, and the next attempt overwrites it. */
  write(address: number, bytes: number, position: number): boolean {
    const at = position % this.#state.capacity
    if (!this.#putIfRoom(address, bytes, logStart + at)) return false
    this.#prepared = Math.max(this.#prepared, at + bytes)
    return true
  }

  /** Reads whole blocks into the arena. Blocks that were never written are zeros. */
  read(address: number, bytes: number, position: number): void {
    const { bytes: memory } = this.#buffers
    const { capacity } = this.#state
    for (let done = 0; done < bytes; ) {
      const at = (position + done) % capacity
      const requested = Math.min(bytes - done, capacity - at)
      const found = readSync(this.#fd, memory, address + done, requested, logStart + at)
      memory.fill(0, address + done + found, address + done + requested)
      done += requested
    }
  }

  /**
   * Writes a part of the log with zeros ahead of time, up to a position of the first lap: overwriting allocated blocks costs half as much as
   * allocating them.
   */
  prepare(until: number): boolean {
    const bytes = Math.min(extendBytes, Math.min(alignBlock(until), this.#state.capacity) - this.#prepared)
    if (bytes <= 0) return false
    if (!this.#putIfRoom(this.#buffers.zeros.base, bytes, logStart + this.#prepared)) return false
    this.#prepared += bytes
    return true
  }

  /** All records below the trim point are stored elsewhere; durable when this returns. */
  trim(cut: TrimPoint): void {
    this.#writeSuperblock({ ...this.#state, ...cut })
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
    closeSync(this.#fd)
  }

  #put(address: number, bytes: number, at: number): void {
    if (!this.#putIfRoom(address, bytes, at)) throw new Error(`the disk has no room for ${bytes} bytes of the write-ahead log`)
  }

  /** Returns false when the write itself finds no room. A failed sync throws, since the contents of the disk are then undefined. */
  #putIfRoom(address: number, bytes: number, at: number): boolean {
    try {
      // A disk with too little room writes only a part.
      if (writeSync(this.#fd, this.#buffers.bytes, address, bytes, at) !== bytes) return false
    } catch (error) {
      if (isNoRoom(error)) return false
      throw error
    }
    if (!this.direct) fdatasyncSync(this.#fd)
    return true
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

/** The blocks are allocated as they are written: see `prepare`. */
function setSize(fd: number, bytes: number): void {
  if (fstatSync(fd).size >= bytes) return
  ftruncateSync(fd, bytes)
  fsyncSync(fd)
}

/** Some file systems reject direct I/O at open, some at the first read or write, so the first block is read or written as a test. */
function openForWriting(path: string, buffers: WalBuffers, create: number): { fd: number; direct: boolean } {
  const base = constants.O_RDWR | create
  let fd = -1
  try {
    fd = openSync(path, base | constants.O_DIRECT | constants.O_DSYNC, 0o600)
    readSync(fd, buffers.bytes, buffers.superblock, blockBytes, 0)
    if (fstatSync(fd).isFile() && fstatSync(fd).size === 0) writeSync(fd, buffers.bytes, buffers.zeros.base, blockBytes, 0)
    return { fd, direct: true }
  } catch (error) {
    if (fd >= 0) closeSync(fd)
    if (!['EINVAL', 'EOPNOTSUPP'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
    return { fd: openSync(path, base, 0o600), direct: false }
  }
}

/** Maximum gap between two batches that one read includes: a second system call costs more. */
const gapBytesMax = 64 << 10
const spanBytesMax = 8 << 20

/** Reads batches by their positions. Undefined when the header before one of them is wrong: the log has been overwritten there. */
export function readWalRanges(
  read: (into: Uint8Array, at: number) => number,
  capacity: number,
  ranges: readonly WalRange[],
): Uint8Array<ArrayBuffer> | undefined {
  const spans = spansOf(ranges, capacity)
  // The bytes of a single read are moved in place: a second buffer of the same size would be allocated for each answer.
  const out = spans.length === 1 ? unfilled(spanBytes(spans[0]!)) : unfilled(ranges.reduce((sum, range) => sum + range.bytes, 0))
  let to = 0
  for (const span of spans) {
    const from = span[0]!.position - walRecord.bytes
    const whole = spans.length === 1 ? out : unfilled(spanBytes(span))
    if (read(whole, logStart + (from % capacity)) !== whole.length) return undefined
    const view = new DataView(whole.buffer)
    for (const { position, bytes } of span) {
      const header = position - walRecord.bytes - from
      if (getU64(view, header + walRecord.position) !== position - walRecord.bytes) return undefined
      if (view.getUint32(header + walRecord.length, true) !== bytes) return undefined
      out.set(whole.subarray(position - from, position - from + bytes), to)
      to += bytes
    }
  }
  return out.subarray(0, to)
}

/** From the record header of the first batch to the end of the last. */
const spanBytes = (span: readonly WalRange[]): number => span.at(-1)!.position + span.at(-1)!.bytes - (span[0]!.position - walRecord.bytes)

/**
 * True if no part of the ranges can have been overwritten before this call. A correct header proves less: the bytes after it may have been
 * overwritten during the read.
 */
export const isKept = (ranges: readonly WalRange[], published: number, capacity: number): boolean =>
  ranges.every(({ position }) => published <= position - walRecord.bytes + capacity)

/** Batches that are read together: close to each other, and on the same side of the end of the file. */
function spansOf(ranges: readonly WalRange[], capacity: number): WalRange[][] {
  const spans: WalRange[][] = []
  for (const range of ranges) {
    const span = spans.at(-1)
    const previous = span?.at(-1)
    const isNear =
      previous !== undefined &&
      range.position - (previous.position + previous.bytes) <= gapBytesMax &&
      range.position + range.bytes - span![0]!.position <= spanBytesMax &&
      Math.floor((range.position + range.bytes - 1) / capacity) === Math.floor((span![0]!.position - walRecord.bytes) / capacity)
    if (isNear) span!.push(range)
    else spans.push([range])
  }
  return spans
}
