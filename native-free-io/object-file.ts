import { closeSync, constants, fstatSync, fsyncSync, openSync, readSync, renameSync } from 'node:fs'
import { dirname, join } from 'node:path'
import {
  footerBytes,
  indexOf,
  type ObjectBatch,
  ObjectDamaged,
  ObjectIndex,
  type ObjectStream,
  readFooter,
} from '../src/stream/object-format.ts'
import { AlignedWriter, type Staging } from './aligned-writer.ts'
import { OpenFiles } from './open-files.ts'
import { unfilled } from './wal-file.ts'

/** Objects are named by their number alone, so that a folder needs no other memory of them. */
export const objectName = (objectId: number): string => `${String(objectId).padStart(16, '0')}.object`

export function objectIdOf(name: string): number | undefined {
  const found = /^(\d{16})\.object$/.exec(name)
  return found === null ? undefined : Number(found[1])
}

/** A batch, and where it lies in the arena. */
export interface StagedBatch extends ObjectBatch {
  readonly address: number
}

/** Writes an object, whole and durable or not at all. Returns its size and what it holds. */
export function writeObject(
  folder: string,
  objectId: number,
  streams: ReadonlyMap<number, readonly StagedBatch[]>,
  staging: Staging,
): { bytes: number; streams: ObjectStream[] } {
  const rows = [...streams.entries()]
  const path = join(folder, objectName(objectId))
  const writer = new AlignedWriter(`${path}.tmp`, staging)
  try {
    for (const [, batches] of rows) for (const { address, bytes } of batches) writer.appendAt(address, bytes)
    writer.append(indexOf(rows))
  } catch (error) {
    writer.abandon()
    throw error
  }
  const { bytes } = writer
  writer.finish()
  renameSync(`${path}.tmp`, path)
  const directory = openSync(dirname(path), constants.O_RDONLY)
  fsyncSync(directory)
  closeSync(directory)
  const held = rows.map(([stream, batches]) => {
    const last = batches.at(-1)!
    return { stream, start: batches[0]!.baseOffset, end: last.baseOffset + last.count }
  })
  return { bytes, streams: held }
}

/** Index bytes that are kept for the next read. */
const indexCacheBytesMax = 16 << 20

/** Reads objects of one folder. */
export class ObjectReader {
  readonly #folder: string
  readonly #files = new OpenFiles()
  /** In the order of use. */
  readonly #indices = new Map<number, ObjectIndex>()
  #cached = 0

  constructor(folder: string) {
    this.#folder = folder
  }

  /** The batches of a stream from `offset` on: at least one, then as many as `bytesMax` allows. */
  read(objectId: number, stream: number, offset: number, bytesMax: number): Uint8Array<ArrayBuffer> | undefined {
    return this.#open(objectId, (fd, index) => {
      const range = index.range(stream, offset, bytesMax)
      return range && readAt(fd, range.position, range.bytes)
    })
  }

  firstSince(objectId: number, stream: number, offset: number, timestamp: number): Uint8Array<ArrayBuffer> | undefined {
    return this.#open(objectId, (fd, index) => {
      const batch = index.firstSince(stream, offset, timestamp)
      return batch && readAt(fd, batch.position, batch.bytes)
    })
  }

  latest(objectId: number, stream: number, offset: number): { maxTimestamp: number; batch: Uint8Array<ArrayBuffer> } | undefined {
    return this.#open(objectId, (fd, index) => {
      const batch = index.latest(stream, offset)
      return batch && { maxTimestamp: batch.maxTimestamp, batch: readAt(fd, batch.position, batch.bytes) }
    })
  }

  #open<T>(objectId: number, use: (fd: number, index: ObjectIndex) => T): T {
    const fd = this.#files.open(join(this.#folder, objectName(objectId)))
    return use(fd, this.#index(objectId, fd))
  }

  #index(objectId: number, fd: number): ObjectIndex {
    let index = this.#indices.get(objectId)
    if (index === undefined) {
      const { size } = fstatSync(fd)
      const footer = readFooter(Buffer.from(readAt(fd, size - footerBytes, footerBytes)), size)
      index = new ObjectIndex(Buffer.from(readAt(fd, footer.indexPosition, footer.indexBytes)), footer)
      this.#cached += index.bytes
    }
    this.#indices.delete(objectId)
    this.#indices.set(objectId, index)
    for (const [oldest, { bytes }] of this.#indices) {
      if (this.#cached <= indexCacheBytesMax || oldest === objectId) break
      this.#indices.delete(oldest)
      this.#cached -= bytes
    }
    return index
  }
}

function readAt(fd: number, position: number, bytes: number): Uint8Array<ArrayBuffer> {
  if (position < 0 || bytes < 0) throw new ObjectDamaged('an object is shorter than it says')
  const out = unfilled(bytes)
  for (let done = 0; done < bytes; ) {
    const found = readSync(fd, out, done, bytes - done, position + done)
    if (found === 0) throw new ObjectDamaged('an object is shorter than it says')
    done += found
  }
  return out
}
