import { type FileHandle, open, readFile, rm } from 'node:fs/promises'
import { encodeFrame, encodeFrames, mark, readFrames, signature } from '../../src/metadata/frames.ts'
import { MetadataJobs } from '../../src/metadata/metadata-jobs.ts'
import type { MetadataLog } from '../../src/metadata/metadata-log.ts'
import { filesAdvice, step } from '../process/start-failure.ts'
import { StartRefused } from '../process/start-refused.ts'
import { type DiskRoom, isNoRoom } from './disk-room.ts'
import { replaceFile } from './durable-file.ts'

/** The log cannot be read completely: its state would differ from the acknowledged state. */
export class MetadataDamaged extends StartRefused {}

/** Contents of a metadata log. */
export interface FoundLog {
  /** All durable records, in order. */
  readonly records: readonly Uint8Array[]
  /** End of the last complete frame. */
  readonly end: number
  /** Bytes after it, of a write that was cut off by a crash and not acknowledged. */
  readonly tornBytes: number
  /** Size of the file. */
  readonly bytes: number
}

export interface OpenedLog extends Pick<FoundLog, 'records' | 'tornBytes'> {
  readonly log: MetadataFile
}

/**
 * Allocated after the end of the log: on a full disk, a node can still record changes that free space, such as deleted topics and objects.
 */
const reserveBytes = 256 << 10

interface MetadataFileParts {
  readonly path: string
  readonly handle: FileHandle
  /** Of the log, and of the file. */
  readonly sizes: { readonly bytes: number; readonly allocated: number }
  readonly room: DiskRoom
  failed(error: Error): void
}

/**
 * The metadata log in a file. Appends that wait for the disk share the next write and its sync.
 *
 * A failed write or sync is never retried, since the contents of the disk are undefined. `failed` is called once, and pending calls never
 * resolve. The node stops and recovers at its next start.
 */
export class MetadataFile implements MetadataLog {
  readonly #path: string
  readonly #jobs: MetadataJobs
  readonly #room: DiskRoom
  #handle: FileHandle
  #bytes: number
  /** Size of the file, with zeros after the end of the log. */
  #allocated: number
  /** Set while the disk has no room for the reserve. */
  #allocating: Promise<void> | undefined
  #lost: Error | undefined

  private constructor({ path, handle, sizes, room, failed }: MetadataFileParts) {
    this.#path = path
    this.#handle = handle
    this.#room = room
    this.#bytes = sizes.bytes
    this.#allocated = sizes.allocated
    this.#jobs = new MetadataJobs(
      (records, isWhole) => (isWhole ? this.#replace(records) : this.#write(encodeFrame(records))),
      (cause) => failed(new Error(`the metadata log ${path} cannot be written: ${cause.message}`, { cause })),
    )
  }

  /** Changes nothing, since the owner of the log may have to be verified first. Undefined if there is none. */
  static async read(path: string): Promise<FoundLog | undefined> {
    const content = await contentOf(path)
    if (content === undefined) return undefined
    if (!content.subarray(0, signature.length).equals(signature))
      throw new MetadataDamaged(`log.dirs: ${path} is not a metadata log: restore it from a copy`)
    const { records, end, beyond } = readFrames(content)
    if (beyond !== undefined) {
      throw new MetadataDamaged(
        `log.dirs: ${path} is damaged from byte ${end} to byte ${beyond}, and continues after that: restore it from a copy`,
      )
    }
    return { records, end, tornBytes: usedBytes(content.subarray(end)), bytes: content.length }
  }

  /**
   * Opens the log, or creates it if there is none, and removes the remains of a write that a crash cut off. `found` is the result of
   * `read`.
   */
  static async open(path: string, room: DiskRoom, failed: (error: Error) => void, found?: FoundLog): Promise<OpenedLog> {
    const { records, end, tornBytes, bytes } = found ?? (await MetadataFile.read(path)) ?? (await create(path))
    await rm(`${path}.tmp`, { force: true })
    const handle = await step(`log.dirs: ${path} cannot be opened`, filesAdvice, () => open(path, 'r+'))
    if (tornBytes > 0) {
      await handle.truncate(end)
      await handle.sync()
    }
    const sizes = { bytes: end, allocated: tornBytes > 0 ? end : bytes }
    return { log: new MetadataFile({ path, handle, sizes, room, failed }), records, tornBytes }
  }

  get isFull(): boolean {
    return this.#allocating !== undefined
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

  /** Closes the log after all earlier requests. */
  async close(): Promise<void> {
    await this.#jobs.settled()
    await this.#allocating?.catch(() => {})
    await this.#handle.close()
  }

  async #write(frame: Buffer): Promise<void> {
    await this.#reserve(this.#bytes + frame.length + mark.length)
    await this.#put(frame)
    await this.#handle.datasync()
    this.#bytes += frame.length
    await this.#put(mark)
    this.#bytes += mark.length
  }

  /** Extends the file to `end` bytes and a reserve. On a full disk, the reserve is used up before any write waits. */
  async #reserve(end: number): Promise<void> {
    while (end + reserveBytes / 2 > this.#allocated) {
      if (this.#allocating === undefined) {
        const allocate = (): Promise<void> => this.#allocate(end + reserveBytes)
        try {
          await allocate()
          return
        } catch (error) {
          if (!isNoRoom(error)) throw error
        }
        this.#allocating = this.#room.untilWritten(this.#path, allocate).finally(() => (this.#allocating = undefined))
        this.#allocating.catch((error: Error) => (this.#lost = error))
      }
      if (end <= this.#allocated) return
      await this.#allocating
      if (this.#lost !== undefined) throw this.#lost
    }
  }

  async #allocate(end: number): Promise<void> {
    const zeros = Buffer.alloc(end - this.#allocated)
    for (let at = 0; at < zeros.length; ) at += (await this.#handle.write(zeros, at, zeros.length - at, this.#allocated + at)).bytesWritten
    await this.#handle.datasync()
    this.#allocated = end
  }

  async #put(frame: Buffer): Promise<void> {
    for (let at = 0; at < frame.length; ) {
      const { bytesWritten } = await this.#handle.write(frame, at, frame.length - at, this.#bytes + at)
      at += bytesWritten
    }
  }

  async #replace(records: readonly Uint8Array[]): Promise<void> {
    if (this.isFull) return
    const parts = [signature, ...encodeFrames(records), mark]
    try {
      await replaceFile(this.#path, parts)
    } catch (error) {
      // The old log has the same contents: the replacement is repeated another time.
      if (!isNoRoom(error)) throw error
      await rm(`${this.#path}.tmp`, { force: true })
      return
    }
    const former = this.#handle
    this.#handle = await open(this.#path, 'r+')
    this.#bytes = parts.reduce((sum, part) => sum + part.length, 0)
    this.#allocated = this.#bytes
    await former.close()
  }
}

/** Number of bytes up to the last one that is not zero. */
function usedBytes(tail: Buffer): number {
  let used = tail.length
  while (used > 0 && tail[used - 1] === 0) used--
  return used
}

async function contentOf(path: string): Promise<Buffer | undefined> {
  return step(`log.dirs: ${path} cannot be read`, filesAdvice, () =>
    readFile(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw error
    }),
  )
}

async function create(path: string): Promise<FoundLog> {
  await replaceFile(path, [signature])
  return { records: [], end: signature.length, tornBytes: 0, bytes: signature.length }
}
