import { readSync } from 'node:fs'
import { type FileHandle, open, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { assert } from '../../src/base/assert.ts'
import { BatchPositions } from './batch-positions.ts'
import { syncFolder } from './durable-file.ts'
import { type FoundSegment, segmentName } from './raft-log-recovery.ts'

/** Allocated after the end of the log, so that a node with a full disk can still record changes that free space. */
export const reserveBytes = 256 << 10

/** A segment file. Its positions are those of the calls; the file follows in the order of the jobs. */
export class RaftLogSegment {
  readonly base: number
  readonly path: string
  readonly positions: BatchPositions
  readonly #folder: string
  /** Position after the last batch. */
  bytes: number
  /** Size of the file, with zeros after the last batch. */
  #allocated: number
  #handle: FileHandle | undefined

  constructor(folder: string, base: number, found?: FoundSegment) {
    this.#folder = folder
    this.base = base
    this.path = join(folder, segmentName(base))
    this.positions = found?.positions ?? new BatchPositions()
    this.bytes = found?.bytes ?? 0
    this.#allocated = found?.fileBytes ?? 0
  }

  get allocated(): number {
    return this.#allocated
  }

  get isOpen(): boolean {
    return this.#handle !== undefined
  }

  /** Opens the file, which exists. */
  async open(): Promise<void> {
    this.#handle = await open(this.path, 'r+')
  }

  /** Creates the file, with its name durable. May be repeated after a failure. */
  async create(): Promise<void> {
    await this.close()
    this.#handle = await open(this.path, 'w+', 0o600)
    await syncFolder(this.#folder)
  }

  async close(): Promise<void> {
    await this.#handle?.close()
    this.#handle = undefined
  }

  /** Removes the file, with its absence durable. */
  async remove(): Promise<void> {
    await this.close()
    await unlink(this.path)
    await syncFolder(this.#folder)
  }

  async sync(): Promise<void> {
    await this.#file.datasync()
  }

  async write(parts: readonly Buffer[], position: number): Promise<void> {
    await this.#put(Buffer.concat(parts), position)
  }

  /** Zeros up to `end`. They become durable with the next sync. */
  async allocate(end: number): Promise<void> {
    if (end <= this.#allocated) return
    await this.#put(Buffer.alloc(end - this.#allocated), this.#allocated)
    this.#allocated = end
  }

  /** Shortens the file durably. */
  async cut(end: number): Promise<void> {
    await this.#file.truncate(end)
    await this.#file.sync()
    this.#allocated = end
  }

  /** Synchronous: the bytes are usually in the page cache, and no truncation can happen in between. */
  read(start: number, end: number): Buffer {
    const bytes = Buffer.allocUnsafeSlow(end - start)
    for (let at = 0; at < bytes.length; ) {
      const count = readSync(this.#file.fd, bytes, at, bytes.length - at, start + at)
      assert(count > 0, `${this.path} has its ${end} bytes`)
      at += count
    }
    return bytes
  }

  get #file(): FileHandle {
    assert(this.#handle !== undefined, 'the segment is open')
    return this.#handle
  }

  async #put(bytes: Buffer, position: number): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const { bytesWritten } = await this.#file.write(bytes, at, bytes.length - at, position + at)
      at += bytesWritten
    }
  }
}
