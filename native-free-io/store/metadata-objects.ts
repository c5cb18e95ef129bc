import { PeriodicTask } from '../../src/actor/periodic-task.ts'
import { encodeFrames, readFrames, signature } from '../../src/metadata/frames.ts'
import { MetadataJobs } from '../../src/metadata/metadata-jobs.ts'
import type { MetadataLog } from '../../src/metadata/metadata-log.ts'
import { S3WalDamaged, type S3WalParts } from '../../src/wal/s3/s3-wal.ts'
import { claimNext, readBody, takeOver } from '../../src/wal/s3/s3-wal-start.ts'
import { S3WalWriter } from '../../src/wal/s3/s3-wal-writer.ts'
import { noMark, s3WalKey } from '../../src/wal/s3/wal-object.ts'
import { crc32c } from '../../src/wire/crc32c.ts'
import { nodeTime } from '../process/node-time.ts'

/** Cost of reading an object, as the number of bytes that could be read in the same time: one request each. */
const objectCostBytes = 16 << 10
/** Number of bodies that are read at the same time. */
const readsAtOnce = 16
/** Interval of the checks whether another node has taken over. */
const pollMs = 5000

export interface OpenedObjects {
  readonly log: MetadataObjects
  /** All durable records, in order. */
  readonly records: readonly Uint8Array[]
  /** Epoch of this incarnation, in all logs of this node. */
  readonly epoch: number
}

/**
 * The metadata log in a store, one object at a time: appends that wait for the store share the next one. If another node takes over the
 * log, this one ends.
 */
export class MetadataObjects implements MetadataLog {
  readonly #writer: S3WalWriter
  #bytes: number
  #objects: number
  /** Sequence of the last object, and of the last unneeded object. */
  #last: number
  #dropped: number
  readonly #jobs: MetadataJobs
  readonly #polling: PeriodicTask

  private constructor(
    writer: S3WalWriter,
    state: { bytes: number; objects: number; last: number; dropped: number },
    failed: (error: Error) => void,
  ) {
    this.#writer = writer
    this.#bytes = state.bytes
    this.#objects = state.objects
    this.#last = state.last
    this.#dropped = state.dropped
    this.#jobs = new MetadataJobs((records, isWhole) => this.#put(records, isWhole), failed)
    this.#polling = new PeriodicTask(nodeTime, () => writer.look(), failed)
    this.#polling.every(pollMs)
  }

  /** Takes over the log from its previous owner. */
  static async open(parts: S3WalParts, failed: (error: Error) => void): Promise<OpenedObjects> {
    const epoch = await claimNext(parts)
    const { objects, others } = await takeOver(parts, epoch)
    const dropped = Math.max(0, objects.map(({ kind }) => kind).lastIndexOf('whole'))
    const needed = objects.slice(dropped)
    const records: Uint8Array[] = []
    for (let at = 0; at < needed.length; at += readsAtOnce) {
      const some = needed.slice(at, at + readsAtOnce)
      const bodies = await Promise.all(some.map((object) => readBody(parts, object)))
      for (const [index, body] of bodies.entries()) records.push(...recordsIn(body, s3WalKey(parts.prefix, some[index]!)))
    }
    const kept = objects.map(({ epoch: each, sequence }, index) => ({ epoch: each, sequence, end: index + 1 }))
    const writer = new S3WalWriter(parts, { epoch, kept, others }, failed)
    const bytes = needed.reduce((sum, { bodyBytes }) => sum + bodyBytes, 0)
    const log = new MetadataObjects(writer, { bytes, objects: needed.length, last: objects.length, dropped }, failed)
    return { log, records, epoch }
  }

  /** A full store is a fault of the store, which is retried like others. */
  readonly isFull = false

  get bytes(): number {
    return this.#bytes + this.#objects * objectCostBytes
  }

  append(records: readonly Uint8Array[]): Promise<void> {
    return this.#jobs.append(records)
  }

  replace(records: readonly Uint8Array[]): Promise<void> {
    return this.#jobs.replace(records)
  }

  /** Pending writes are not retried. */
  async close(): Promise<void> {
    await Promise.all([this.#polling.stop(), this.#writer.close()])
  }

  async #put(records: readonly Uint8Array[], isWhole: boolean): Promise<void> {
    const pieces = [signature, ...encodeFrames(records)]
    const bodyBytes = pieces.reduce((sum, piece) => sum + piece.length, 0)
    const bodyCrc = pieces.reduce((crc, piece) => crc32c(piece, 0, piece.length, crc), 0)
    const kind = isWhole ? 'whole' : 'piece'
    if (isWhole) this.#dropped = this.#last
    this.#last++
    await this.#writer.append({ kind, mark: noMark, pieces, bodyBytes, bodyCrc, end: this.#last, dropBelow: this.#dropped })
    this.#bytes = isWhole ? bodyBytes : this.#bytes + bodyBytes
    this.#objects = isWhole ? 1 : this.#objects + 1
  }
}

function recordsIn(body: Uint8Array, key: string): readonly Uint8Array[] {
  const { records, end } = readFrames(Buffer.from(body.buffer, body.byteOffset, body.length))
  if (end !== body.length) throw new S3WalDamaged(`${key} does not hold whole frames of the metadata log`)
  return records
}
