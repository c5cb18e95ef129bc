import { closeSync, constants, fdatasyncSync, fstatSync, fsyncSync, mkdirSync, openSync, readSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { record } from '../src/base/layout.ts'
import { getU64, putU64 } from '../src/base/long.ts'
import type { WalState, WalWriter } from '../src/pipeline/persistence.ts'
import { blockBytes, type Cut, walRecord } from '../src/stream/wal-record.ts'
import type { Crc } from '../src/stream/wal-recovery.ts'

/** Two superblocks take turns, so that one is whole whatever happens to the other. */
const superblock = record({
  magic: 'u32',
  crc: 'u32',
  version: 'u32',
  incarnation: 'u32',
  sequence: 'u64',
  capacity: 'u64',
  trimmed: 'u64',
  previous: 'u64',
  previousIncarnation: 'u32',
  secret: 'u32',
})
/** The whole block, whatever of it is in use: so that every format can tell that another is whole. */
const summed = { start: superblock.version, bytes: blockBytes - superblock.version } as const
const superblockMagic = 0x4c41574d // "MWAL"
const formatVersion = 2
const superblocks = 2
/** The log proper starts here, so that its writes are aligned to whatever a disk calls a block. */
const logStart = 65536
const extendBytes = 1 << 20

/** Memory of the arena that this file may use: whole aligned blocks. */
export interface WalBuffers {
  readonly bytes: Buffer
  readonly view: DataView
  readonly crc: Crc
  readonly superblock: number
  readonly zeros: { readonly base: number; readonly bytes: number }
}

/**
 * The circular file of the write-ahead log: positions only grow, and lie in the file at their remainder by the capacity.
 * Direct and synchronous where the file system allows, else buffered with `fdatasync`; one writing thread.
 */
export class WalFile implements WalWriter {
  readonly #fd: number
  readonly #buffers: WalBuffers
  /** False: every write is followed by `fdatasync`. */
  readonly direct: boolean
  #state: WalState
  #sequence: number
  #allocated: number

  private constructor(fd: number, direct: boolean, buffers: WalBuffers, state: WalState, sequence: number) {
    this.#fd = fd
    this.#buffers = buffers
    this.direct = direct
    this.#state = state
    this.#sequence = sequence
    this.#allocated = Math.floor(fstatSync(fd).size / blockBytes) * blockBytes - logStart
  }

  /** Opens or creates the file and enters a new incarnation, durably. An existing file keeps its capacity and its secret. */
  static open(path: string, capacity: number, buffers: WalBuffers, entropy: () => number): WalFile {
    mkdirSync(dirname(path), { recursive: true })
    const { fd, direct } = openForWriting(path, buffers)
    const found = readSuperblock(fd, buffers)
    const state = found?.state ?? { capacity, secret: entropy() >>> 0, incarnation: 0, trimmed: 0, previous: 0, previousIncarnation: 0 }
    const file = new WalFile(fd, direct, buffers, state, found?.sequence ?? 0)
    file.#writeSuperblock({ ...state, incarnation: state.incarnation + 1 })
    syncFolder(dirname(path))
    return file
  }

  /** A second handle on a file that `open` has prepared, for another thread. */
  static attach(path: string, state: WalState, buffers: WalBuffers): WalFile {
    const { fd, direct } = openForWriting(path, buffers)
    return new WalFile(fd, direct, buffers, state, 0)
  }

  get state(): WalState {
    return this.#state
  }

  write(address: number, bytes: number, position: number): void {
    this.#put(address, bytes, logStart + (position % this.#state.capacity))
    this.#allocated = Math.max(this.#allocated, (position % this.#state.capacity) + bytes)
  }

  /** Reads whole blocks into the arena. What was never written reads as zeros. */
  read(address: number, bytes: number, position: number): void {
    const { bytes: memory } = this.#buffers
    const { capacity } = this.#state
    for (let done = 0; done < bytes; ) {
      const at = (position + done) % capacity
      const wanted = Math.min(bytes - done, capacity - at)
      const found = readSync(this.#fd, memory, address + done, wanted, logStart + at)
      memory.fill(0, address + done + found, address + done + wanted)
      done += wanted
    }
  }

  /** Grows the file by a little with zeros: writing over allocated blocks costs half of writing behind the end. */
  prepare(): boolean {
    const bytes = Math.min(extendBytes, this.#state.capacity - this.#allocated)
    if (bytes <= 0) return false
    this.#put(this.#buffers.zeros.base, bytes, logStart + this.#allocated)
    this.#allocated += bytes
    return true
  }

  /** Everything below the cut is stored elsewhere; durable when this returns. */
  trim(cut: Cut): void {
    this.#writeSuperblock({ ...this.#state, ...cut })
  }

  close(): void {
    closeSync(this.#fd)
  }

  #put(address: number, bytes: number, at: number): void {
    const written = writeSync(this.#fd, this.#buffers.bytes, address, bytes, at)
    if (written !== bytes) throw new Error(`the disk took ${written} of ${bytes} bytes of the write-ahead log`)
    if (!this.direct) fdatasyncSync(this.#fd)
  }

  #writeSuperblock(state: WalState): void {
    const { view, crc, superblock: at, bytes } = this.#buffers
    this.#sequence++
    bytes.fill(0, at, at + blockBytes)
    view.setUint32(at + superblock.magic, superblockMagic, true)
    view.setUint32(at + superblock.version, formatVersion, true)
    view.setUint32(at + superblock.incarnation, state.incarnation, true)
    putU64(view, at + superblock.sequence, this.#sequence)
    putU64(view, at + superblock.capacity, state.capacity)
    putU64(view, at + superblock.trimmed, state.trimmed)
    putU64(view, at + superblock.previous, state.previous)
    view.setUint32(at + superblock.previousIncarnation, state.previousIncarnation, true)
    view.setUint32(at + superblock.secret, state.secret, true)
    view.setInt32(at + superblock.crc, crc(at + summed.start, summed.bytes, 0), true)
    this.#put(at, blockBytes, (this.#sequence % superblocks) * blockBytes)
    this.#state = state
  }
}

/** The newer of the whole superblocks; undefined for a file that is new. */
function readSuperblock(fd: number, buffers: WalBuffers): { state: WalState; sequence: number } | undefined {
  const { bytes, view, crc, superblock: at } = buffers
  let newest: { state: WalState; sequence: number } | undefined
  let marked = false
  for (let slot = 0; slot < superblocks; slot++) {
    if (readSync(fd, bytes, at, blockBytes, slot * blockBytes) < blockBytes) continue
    if (view.getUint32(at + superblock.magic, true) !== superblockMagic) continue
    marked = true
    if (view.getInt32(at + superblock.crc, true) !== crc(at + summed.start, summed.bytes, 0)) continue
    const version = view.getUint32(at + superblock.version, true)
    if (version !== formatVersion) throw new Error(`the write-ahead log has format ${version}; this Millrace reads ${formatVersion}`)
    const sequence = getU64(view, at + superblock.sequence)
    if (newest !== undefined && newest.sequence > sequence) continue
    const state = {
      capacity: getU64(view, at + superblock.capacity),
      incarnation: view.getUint32(at + superblock.incarnation, true),
      secret: view.getUint32(at + superblock.secret, true),
      trimmed: getU64(view, at + superblock.trimmed),
      previous: getU64(view, at + superblock.previous),
      previousIncarnation: view.getUint32(at + superblock.previousIncarnation, true),
    }
    newest = { state, sequence }
  }
  if (marked && newest === undefined) throw new Error('the write-ahead log has no whole superblock')
  return newest
}

/** Some file systems refuse direct I/O at open, some at the first write: a write of the block that will be a superblock tells. */
function openForWriting(path: string, buffers: WalBuffers): { fd: number; direct: boolean } {
  const base = constants.O_RDWR | constants.O_CREAT
  let fd = -1
  try {
    fd = openSync(path, base | constants.O_DIRECT | constants.O_DSYNC, 0o600)
    readSync(fd, buffers.bytes, buffers.superblock, blockBytes, 0)
    if (fstatSync(fd).size === 0) writeSync(fd, buffers.bytes, buffers.zeros.base, blockBytes, logStart)
    return { fd, direct: true }
  } catch (error) {
    if (fd >= 0) closeSync(fd)
    if (!['EINVAL', 'EOPNOTSUPP'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
    return { fd: openSync(path, base, 0o600), direct: false }
  }
}

function syncFolder(path: string): void {
  const fd = openSync(path, constants.O_RDONLY)
  fsyncSync(fd)
  closeSync(fd)
}

export interface WalRange {
  readonly position: number
  readonly bytes: number
}

/** What lies between two batches is read along, up to this: a second system call costs more. */
const gapBytesMax = 64 << 10
const spanBytesMax = 8 << 20

/**
 * Batches by their positions, one after another. Undefined when the header in front of one is not its own: the log has
 * come round and written something else there.
 */
export function readWalRanges(
  read: (into: Uint8Array, at: number) => number,
  capacity: number,
  ranges: readonly WalRange[],
): Uint8Array<ArrayBuffer> | undefined {
  const out = unfilled(ranges.reduce((sum, range) => sum + range.bytes, 0))
  let to = 0
  for (const span of spansOf(ranges, capacity)) {
    const from = span[0]!.position - walRecord.bytes
    const last = span.at(-1)!
    const whole = unfilled(last.position + last.bytes - from)
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
  return out
}

/**
 * Nothing of the ranges can have been written over before this was asked. A header that is right says less: the bytes behind
 * it may have been written while they were read.
 */
export const isKept = (ranges: readonly WalRange[], published: number, capacity: number): boolean =>
  ranges.every(({ position }) => published <= position - walRecord.bytes + capacity)

/** Neighbours that are read together: near each other, and on the same side of the end of the file. */
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

/** Memory of its own, so that it can be handed to another thread, and not cleared, since it will be filled. */
export const unfilled = (bytes: number): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.allocUnsafeSlow(bytes).buffer as ArrayBuffer)
