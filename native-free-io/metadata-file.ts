import { type FileHandle, open, readFile, rm } from 'node:fs/promises'
import { encodeFrame, frameBytesMax, mark, readFrames, signature } from '../src/metadata/frames.ts'
import type { MetadataLog } from '../src/metadata/store.ts'
import { replaceFile } from './durable-file.ts'

/** The log cannot be read as a whole: what it says would not be what was acknowledged. */
export class MetadataDamaged extends Error {}

export interface OpenedLog {
  readonly log: MetadataFile
  /** Everything durable, in order. */
  readonly records: readonly Uint8Array[]
  /** Bytes of a write that a crash cut off, and that nobody had been told of. */
  readonly tornBytes: number
}

type Job =
  | { readonly type: 'append'; readonly records: readonly Uint8Array[]; readonly bytes: number; readonly done: () => void }
  | { readonly type: 'replace'; readonly records: readonly Uint8Array[]; readonly done: () => void }

/**
 * The metadata log in a file. Appends that wait for the disk share the next write and its sync.
 *
 * A failed write or sync is never tried again, since nobody knows what the disk has: `failed` is called, once, and no promise resolves
 * any more. The node stops and recovers by its next start.
 */
export class MetadataFile implements MetadataLog {
  readonly #path: string
  readonly #failed: (error: Error) => void
  #handle: FileHandle
  #bytes: number
  #jobs: Job[] = []
  #working: Promise<void> | undefined
  #broken = false

  private constructor(path: string, handle: FileHandle, bytes: number, failed: (error: Error) => void) {
    this.#path = path
    this.#handle = handle
    this.#bytes = bytes
    this.#failed = failed
  }

  static async open(path: string, failed: (error: Error) => void): Promise<OpenedLog> {
    await rm(`${path}.tmp`, { force: true })
    const content = await readOrCreate(path)
    if (!content.subarray(0, signature.length).equals(signature)) throw new MetadataDamaged(`${path} is not a metadata log`)
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
    const bytes = records.reduce((sum, record) => sum + 4 + record.length, 0)
    return new Promise((done) => this.#enqueue({ type: 'append', records, bytes, done }))
  }

  replace(records: readonly Uint8Array[]): Promise<void> {
    return new Promise((done) => this.#enqueue({ type: 'replace', records, done }))
  }

  /** After what was asked before. */
  async close(): Promise<void> {
    await this.#working
    await this.#handle.close()
  }

  #enqueue(job: Job): void {
    this.#jobs.push(job)
    this.#working ??= this.#work()
  }

  async #work(): Promise<void> {
    // What is asked in the same turn of the event loop is written together.
    await Promise.resolve()
    while (this.#jobs.length > 0 && !this.#broken) {
      const jobs = this.#takeTogether()
      try {
        if (jobs[0]!.type === 'replace') await this.#replace(jobs[0]!.records)
        else await this.#write(encodeFrame(jobs.flatMap((job) => job.records)))
      } catch (error) {
        this.#broken = true
        this.#failed(new Error(`the metadata log ${this.#path} cannot be written: ${(error as Error).message}`, { cause: error }))
        return
      }
      for (const job of jobs) job.done()
    }
    // In the same step as finding nothing left: what is asked from now on starts anew.
    this.#working = undefined
  }

  /** The jobs of one write: a replacement alone, or every append up to the next one, as far as a frame holds them. */
  #takeTogether(): Job[] {
    let count = 0
    let bytes = 0
    for (const job of this.#jobs) {
      if (job.type === 'replace' || (count > 0 && bytes + job.bytes > frameBytesMax)) break
      bytes += job.bytes
      count++
    }
    return this.#jobs.splice(0, Math.max(count, 1))
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
    const parts = [signature, ...frames(records), mark]
    await replaceFile(this.#path, parts)
    const former = this.#handle
    this.#handle = await open(this.#path, 'r+')
    this.#bytes = parts.reduce((sum, part) => sum + part.length, 0)
    await former.close()
  }
}

const recordsPerFrame = 1000

function frames(records: readonly Uint8Array[]): Buffer[] {
  const found: Buffer[] = []
  for (let at = 0; at < records.length; at += recordsPerFrame) found.push(encodeFrame(records.slice(at, at + recordsPerFrame)))
  return found
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
