import { type FileHandle, open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { record } from '../../src/base/layout.ts'
import type { OffsetAndEpoch } from '../../src/ports/raft-log.ts'
import { crc32c } from '../../src/wire/crc32c.ts'
import { replaceFile } from './durable-file.ts'

/*
 * A write of several batches that a power failure cut off may have left any part of them on the disk, for example the last one only. Two
 * records distinguish it from damage to durable batches. Neither needs a sync of its own.
 */

/**
 * After the last batch in the file: the range of the write that ended there. The next write overwrites it. If a whole trailer begins its write
 * after an unreadable batch, that batch was durable when the write began. The magic number is last, so that zeros after it end the search.
 */
const trailerLayout = record({ start: 'u64', end: 'u64', crc: 'u32', magic: 'u32' })
const trailerMagic = 0x4d52574d // "MRWM"
export const trailerBytes = trailerLayout.bytes

/** Positions in the file. */
export interface WriteRange {
  readonly start: number
  readonly end: number
}

export function encodeTrailer({ start, end }: WriteRange): Buffer {
  const trailer = Buffer.alloc(trailerBytes)
  trailer.writeBigUInt64BE(BigInt(start), trailerLayout.start)
  trailer.writeBigUInt64BE(BigInt(end), trailerLayout.end)
  trailer.writeUInt32BE(crc32c(trailer, 0, trailerLayout.crc), trailerLayout.crc)
  trailer.writeUInt32BE(trailerMagic, trailerLayout.magic)
  return trailer
}

/** The trailer at the end of the file, before zeros. */
export function trailerOf(file: Buffer): WriteRange | undefined {
  const at = usedBytes(file) - trailerBytes
  if (at < 0 || file.readUInt32BE(at + trailerLayout.magic) !== trailerMagic) return undefined
  if (file.readUInt32BE(at + trailerLayout.crc) !== crc32c(file, at, at + trailerLayout.crc)) return undefined
  const start = Number(file.readBigUInt64BE(at + trailerLayout.start))
  const end = Number(file.readBigUInt64BE(at + trailerLayout.end))
  return end === at && start <= end ? { start, end } : undefined
}

/** Size of the file without zeros at its end. */
export function usedBytes(file: Buffer): number {
  let used = file.length
  while (used > 0 && file[used - 1] === 0) used--
  return used
}

const endLayout = record({ crc: 'u32', epoch: 'u32', offset: 'u64' })
const endFile = 'synced-end'

function encodeEnd({ offset, epoch }: OffsetAndEpoch): Buffer {
  const bytes = Buffer.alloc(endLayout.bytes)
  bytes.writeUInt32BE(epoch, endLayout.epoch)
  bytes.writeBigUInt64BE(BigInt(offset), endLayout.offset)
  bytes.writeUInt32BE(crc32c(bytes, endLayout.epoch), endLayout.crc)
  return bytes
}

function decodeEnd(bytes: Buffer): OffsetAndEpoch | undefined {
  if (bytes.length !== endLayout.bytes || bytes.readUInt32BE(endLayout.crc) !== crc32c(bytes, endLayout.epoch)) return undefined
  return { offset: Number(bytes.readBigUInt64BE(endLayout.offset)), epoch: bytes.readUInt32BE(endLayout.epoch) }
}

/**
 * The file `synced-end`: all batches of the log below this offset were durable, and the last of them has this epoch, which no CRC covers. It is
 * written after each sync and not synced itself: after a power failure it may contain an earlier offset.
 *
 * Invariant: it is lowered durably before the log is shortened.
 */
export class SyncedEnd {
  readonly path: string
  readonly #handle: FileHandle

  private constructor(path: string, handle: FileHandle) {
    this.path = path
    this.#handle = handle
  }

  static path(folder: string): string {
    return join(folder, endFile)
  }

  /** Undefined if there is none, or it is not whole. */
  static async read(folder: string): Promise<OffsetAndEpoch | undefined> {
    const content = await readFile(SyncedEnd.path(folder)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw error
    })
    return content === undefined ? undefined : decodeEnd(content)
  }

  /** `found` is the result of `read`. A missing file is created durably, with `end`. */
  static async open(folder: string, found: OffsetAndEpoch | undefined, end: OffsetAndEpoch): Promise<SyncedEnd> {
    const path = SyncedEnd.path(folder)
    if (found === undefined) await replaceFile(path, [encodeEnd(end)])
    const file = new SyncedEnd(path, await open(path, 'r+'))
    if (found !== undefined) await file.write(end)
    return file
  }

  async write(end: OffsetAndEpoch): Promise<void> {
    const { bytesWritten } = await this.#handle.write(encodeEnd(end), 0, endLayout.bytes, 0)
    if (bytesWritten !== endLayout.bytes) throw new Error(`${this.path} cannot be written: ${bytesWritten} bytes of ${endLayout.bytes}`)
  }

  async writeDurably(end: OffsetAndEpoch): Promise<void> {
    await this.write(end)
    await this.#handle.datasync()
  }

  close(): Promise<void> {
    return this.#handle.close()
  }
}
