import { cleanObjects } from '../../native-free-io/store/clean-objects.ts'
import { MemStore } from '../../native-free-io/store/mem-store.ts'
import { nodeCodecs } from '../../native-free-io/threads/codecs.ts'
import type { CleanTask } from '../../native-free-io/threads/object-tasks.ts'
import { below, chance, type Prng } from '../../src/base/prng.ts'
import { isFault } from '../../src/object-store/store-faults.ts'
import { BlockPacker } from '../../src/objects/block-packer.ts'
import { runsOf } from '../../src/objects/block-runs.ts'
import { encodeIndex, partOf } from '../../src/objects/object-format.ts'
import { blocksIn, indexOf, readWhole } from '../../src/objects/object-reads.ts'
import { encodeSegmentIndex } from '../../src/objects/segment-index.ts'
import type { CleanedObjects } from '../../src/ports/object-jobs.ts'
import type { ObjectPart, StoredPart } from '../../src/ports/stored-objects.ts'
import { buildBatch } from '../../src/wire/batch-builder.ts'
import { type BatchHeader, batchAt, batchBytes, isBatchError, lastOffset } from '../../src/wire/record-batch.ts'
import { readRecords } from '../../src/wire/records.ts'
import { segmentOf } from '../support/segment.ts'

const partitionId = 7
const keyCount = 12
const codecs = ['none', 'gzip', 'snappy', 'lz4'] as const
const producers = [500n, 501n, 502n]
export const deleteRetentionMs = 1000

export interface ModelRecord {
  readonly offset: number
  readonly key: string | null
  readonly value: string | null
  readonly timestamp: number
  readonly producerId: number
}

/** A partition with random appends, uploads and compactions, and a model of all its records. */
export class CleaningWorld {
  readonly records: ModelRecord[] = []
  parts: StoredPart[] = []
  nowMs = 1_000_000
  cleaned = 0
  /** By offset: time of the first compaction of each record. */
  readonly seenAt = new Map<number, number>()
  readonly #random: Prng
  readonly #store: MemStore
  #hot: { readonly bytes: Buffer; readonly baseOffset: number; readonly end: number; readonly maxTimestamp: number }[] = []
  #next = 0
  #objectId = 1

  constructor(random: Prng, name: string) {
    this.#random = random
    this.#store = new MemStore({ scheme: 'mem', name })
  }

  get storedEnd(): number {
    return this.parts.at(-1)?.end ?? 0
  }

  /** Last offset of each producer, stored or not. */
  get lastOffsets(): Map<number, number> {
    return new Map(this.records.filter(({ producerId }) => producerId >= 0).map(({ producerId, offset }) => [producerId, offset]))
  }

  append(): void {
    const random = this.#random
    const producerId = chance(random, 300) ? producers[below(random, producers.length)]! : -1n
    const timestamps = Array.from({ length: 1 + below(random, 6) }, () => this.nowMs + below(random, 100))
    const records = timestamps.map((timestamp, index): ModelRecord => {
      const offset = this.#next + index
      const key = chance(random, 30) ? null : `key-${below(random, keyCount)}`
      const value = chance(random, 300) ? null : `value of ${offset} ${'.'.repeat(below(random, 40))}`
      return { offset, key, value, timestamp, producerId: Number(producerId) }
    })
    const bytes = buildBatch(
      records.map(({ key, value, timestamp }) => ({ key: buffer(key), value: buffer(value), timestamp: BigInt(timestamp) })),
      { baseOffset: BigInt(this.#next), producerId, codec: codecs[below(random, codecs.length)]!, codecs: nodeCodecs },
    )
    const baseOffset = this.#next
    this.#next += records.length
    this.records.push(...records)
    this.#hot.push({ bytes, baseOffset, end: this.#next, maxTimestamp: Math.max(...timestamps) })
  }

  /** Builds an object from the appended records. Every other object is a segment. */
  async seal(): Promise<void> {
    if (this.#hot.length === 0) return
    if (this.#objectId % 2 === 0) return this.#sealSegment()
    const packer = new BlockPacker(0)
    const pieces = this.#hot.flatMap((batch) => packer.add({ ...batch, isEmpty: false }))
    pieces.push(...packer.finish())
    const partitions = [{ partitionId, start: this.#hot[0]!.baseOffset, end: this.#next, blocks: packer.blocks }]
    const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0)
    const index = encodeIndex(partitions, bytes)
    const objectId = this.#objectId++
    await this.#store.put(keyOf(objectId), [...pieces, index])
    this.#hot = []
    this.parts.push(placed(objectId, bytes + index.length, partOf(partitions[0]!, 0)))
  }

  async #sealSegment(): Promise<void> {
    const batches = this.#hot.map(({ bytes }) => ({ partitionId, batch: bytes }))
    const { data, rows } = segmentOf(batches, (index) => (index % 5 === 4 ? 9000 : 56))
    const { index, parts } = encodeSegmentIndex({ rows, bytes: data.length }, 0)
    const objectId = this.#objectId++
    await this.#store.put(keyOf(objectId), [data, index])
    this.#hot = []
    this.parts.push(placed(objectId, data.length + index.length, parts[0]!))
  }

  /** One round of compaction, with a limited map. */
  async clean(mapBytes: number, groupBytesMax: number): Promise<CleanedObjects> {
    const firstId = this.#objectId
    this.#objectId += this.parts.length
    const task: CleanTask = {
      partitionId,
      sources: this.parts.map((part) => ({ ...part, key: keyOf(part.objectId) })),
      logStart: 0,
      dirtyFrom: this.cleaned,
      mapBytes,
      groupBytesMax,
      keys: this.parts.map((_, index) => keyOf(firstId + index)),
      nowMs: this.nowMs,
      deleteRetentionMs,
      producers: this.lastOffsets,
    }
    const done = await cleanObjects(this.#store, task)
    if (isFault(done)) throw new Error(done.detail)
    const made = done.outputs.flatMap((object, index) =>
      object === undefined ? [] : [placed(firstId + index, object.bytes, object.parts[0]!)],
    )
    this.parts = [...made, ...this.parts.slice(done.replaced)]
    for (const { offset } of this.records) if (offset < done.end && !this.seenAt.has(offset)) this.seenAt.set(offset, this.nowMs)
    this.cleaned = done.end
    return done
  }

  /** The stored records, after a check of the CRCs. */
  async read(): Promise<{ readonly batches: BatchHeader[]; readonly records: ModelRecord[] }> {
    const batches: BatchHeader[] = []
    const records: ModelRecord[] = []
    for (const part of this.parts) {
      const index = sound(await indexOf(this.#store, keyOf(part.objectId), part.objectBytes))
      for (const run of runsOf([...index.from(partitionId, 0)])) {
        const pieces = [...blocksIn(sound(await readWhole(this.#store, keyOf(part.objectId), run)), run)].map(([, piece]) => piece)
        const bytes = Buffer.concat(pieces)
        for (let at = 0; at < bytes.length; ) {
          const header = batchAt(bytes, at)
          if (isBatchError(header)) throw new Error(header.because)
          batches.push(header)
          records.push(...recordsOf(bytes, at, header))
          at += batchBytes(header)
        }
      }
    }
    return { batches, records }
  }
}

const recordsOf = (bytes: Buffer, at: number, header: BatchHeader): ModelRecord[] =>
  readRecords(bytes, at, header, nodeCodecs, 1 << 20).map(({ offset, key, value, timestamp }) => ({
    offset: Number(offset),
    key: key && String(key),
    value: value && String(value),
    timestamp: Number(timestamp),
    producerId: Number(header.producerId),
  }))

export const endOf = (header: BatchHeader): number => Number(lastOffset(header)) + 1
const keyOf = (objectId: number): string => `objects/${objectId}`
const buffer = (text: string | null): Buffer | null => (text === null ? null : Buffer.from(text))
const placed = (objectId: number, objectBytes: number, part: ObjectPart): StoredPart => ({ ...part, objectId, objectBytes })

function sound<T>(found: T): Exclude<T, { fault: unknown }> {
  if (isFault(found)) throw new Error(found.detail)
  return found as Exclude<T, { fault: unknown }>
}
