import { type FileHandle, open, readFile, rm } from 'node:fs/promises'
import { encodeFrame, encodeFrames, mark, readFrames, signature } from '../src/metadata/frames.ts'
import type { MetadataLog } from '../src/metadata/store.ts'
import { replaceFile } from './durable-file.ts'
import { MetadataJobs } from './metadata-jobs.ts'
import { StartRefused } from './start-refused.ts'

/** The log cannot be read as a whole: what it says would not be what was acknowledged. */
export class MetadataDamaged extends StartRefused {}

export interface OpenedLog {
  readonly log: MetadataFile
  /** Everything durable, in order. */
  readonly records: readonly Uint8Array[]
  /** Bytes of a write that a crash cut off, and that nobody had been told of. */
  readonly tornBytes: number
}

/**
 * The metadata log in a file. Appends that wait for the disk share the next write and its sync.
 *
 * A failed write or sync is never tried again, since nobody knows what the disk has: `failed` is called, once, and no promise resolves
 * any more. The node stops and recovers by its next start.
 */
export class MetadataFile implements MetadataLog {
  readonly #path: string
  readonly #jobs: MetadataJobs
  #handle: FileHandle
  #bytes: number

  private constructor(path: string, handle: FileHandle, bytes: number, failed: (error: Error) => void) {
    this.#path = path
    this.#handle = handle
    this.#bytes = bytes
    this.#jobs = new MetadataJobs(
      (records, isWhole) => (isWhole ? this.#replace(records) : this.#write(encodeFrame(records))),
      (cause) => failed(new Error(`the metadata log ${path} cannot be written: ${cause.message}`, { cause })),
    )
  }

  static async open(path: string, failed: (error: Error) => void): Promise<OpenedLog> {
    await rm(`${path}.tmp`, { force: true })
    const content = await readOrCreate(path)
    if (!content.subarray(0, signature.length).equals(signature))
      throw new MetadataDamaged(`${path} is not a metadata log: restore it from a copy`)
    const { records, end, beyond } = readFrames(content)
    if (beyond !== undefined) {
      throw new MetadataDamaged(`${path} is damaged from byte ${end} to byte ${beyond}, and goes on after that: restore it from a copy`)
    }
    const handle = await open(path, 'r+')
    const tornBytes = content.length - end
    if (tornBytes > 0) {
      await handle.truncate(end)
      await handle.sync()
    }
    return { log: new MetadataFile(path, handle, end, failed), records, tornBytes }
  }

  get bytes(): number {
    return this.#bytes
  }

  append(records: readonly Uint8Array[]): Promise<void> {
    return this.#jobs.append(records)
  }

  replace(records: readonly Uint8Array[]): Promise<void> {
    return this.#jobs.replace(records)
  }

  /** After what was asked before. */
  async close(): Promise<void> {
    await this.#jobs.settled()
    await this.#handle.close()
  }

  async #write(frame: Buffer): Promise<void> {
    await this.#put(frame)
    await this.#handle.datasync()
    this.#bytes += frame.length
    await this.#put(mark)
    this.#bytes += mark.length
  }

  async #put(frame: Buffer): Promise<void> {
    for (let at = 0; at < frame.length; ) {
      const { bytesWritten } = await this.#handle.write(frame, at, frame.length - at, this.#bytes + at)
      at += bytesWritten
    }
  }

  async #replace(records: readonly Uint8Array[]): Promise<void> {
    const parts = [signature, ...encodeFrames(records), mark]
    await replaceFile(this.#path, parts)
    const former = this.#handle
    this.#handle = await open(this.#path, 'r+')
    this.#bytes = parts.reduce((sum, part) => sum + part.length, 0)
    await former.close()
  }
}

async function readOrCreate(path: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    await replaceFile(path, [signature])
    return signature
  }
}
