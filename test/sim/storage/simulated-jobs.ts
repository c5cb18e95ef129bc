import { cleanObjects } from '../../../native-free-io/store/clean-objects.ts'
import { type BlockRoom, loadRuns } from '../../../native-free-io/store/load-blocks.ts'
import { rewriteObjects } from '../../../native-free-io/store/rewrite-objects.ts'
import { Pieces } from '../../../src/base/pieces.ts'
import { isFault, StoreFailed } from '../../../src/object-store/store-faults.ts'
import { gapBytesMax } from '../../../src/objects/block-runs.ts'
import { encodeIndex, partOf } from '../../../src/objects/object-format.ts'
import type { ObjectKeys } from '../../../src/objects/object-key.ts'
import { planObject, type StagedBatch } from '../../../src/objects/object-plan.ts'
import { tailOf } from '../../../src/objects/object-reads.ts'
import { encodeSegmentIndex } from '../../../src/objects/segment-index.ts'
import type { LeasedRange, WalRange } from '../../../src/ports/cold-reads.ts'
import type { Lanes } from '../../../src/ports/lanes.ts'
import type {
  BlockMemory,
  BlockRun,
  Building,
  BuiltPart,
  CleanedObjects,
  CleanRules,
  ObjectJobs,
  Source,
} from '../../../src/ports/object-jobs.ts'
import type { ListPage, ObjectStore, StoreFault } from '../../../src/ports/object-store.ts'
import type { PartitionId } from '../../../src/ports/partitions.ts'
import type { ObjectContents, StoredPart } from '../../../src/ports/stored-objects.ts'
import type { TrimPoint } from '../../../src/ports/trim-point.ts'
import { walRecord } from '../../../src/wal/wal-record.ts'
import { crc32c } from '../../../src/wire/crc32c.ts'
import { recordHeaderBytes, segmentOf } from '../../support/segment.ts'
import type { LaneModel, WalEntry } from './lane-model.ts'
import type { Incarnation, VirtualTime } from './virtual-time.ts'

export interface JobParts {
  readonly store: ObjectStore
  readonly keys: ObjectKeys
  readonly lanes: Lanes<LaneModel>
  readonly memory: BlockMemory
  readonly time: VirtualTime
  readonly incarnation: Incarnation
  /** Maximum size of the map of keys. Production has a minimum, which a simulation never fills. */
  readonly mapBytesMax: number
  onClean(rules: CleanRules): void
  /** A compaction by key of these parts is written, and not committed. */
  onCleaned(parts: readonly StoredPart[], cleaned: CleanedObjects): void
}

/** The jobs of the object workers in one thread: production code over a simulated store and WAL. */
export class SimulatedJobs implements ObjectJobs {
  readonly #parts: JobParts

  constructor(parts: JobParts) {
    this.#parts = parts
  }

  build(lane: number, objectId: number, from: TrimPoint, until: number, stored: ReadonlyMap<PartitionId, number>): Building {
    const { lanes, time, incarnation } = this.#parts
    const { disk } = lanes.all[lane]!
    const entries = disk.entries.filter(({ position, end }) => position >= from.trimmed && position < until && end <= disk.durable)
    const last = entries.at(-1)
    const end = last === undefined ? from : { trimmed: last.end, previous: last.position, previousIncarnation: last.incarnation }
    const sealed = time.pause(incarnation, 3).then(() => ({ end }))
    const built = sealed.then(async (): Promise<BuiltPart> => ({ end, object: await this.#put(objectId, entries, stored) }))
    built.catch(() => {})
    return { sealed, built }
  }

  async #put(
    objectId: number,
    entries: readonly WalEntry[],
    stored: ReadonlyMap<PartitionId, number>,
  ): Promise<ObjectContents | undefined> {
    const { store, keys, time } = this.#parts
    const memory = Buffer.concat(entries.map(({ batch }) => batch))
    const staged = new Map<PartitionId, StagedBatch[]>()
    let address = 0
    for (const { partitionId, batch, header } of entries) {
      const baseOffset = Number(header.baseOffset)
      const known = stored.get(partitionId)
      if (known !== undefined && baseOffset >= known) {
        const end = baseOffset + header.lastOffsetDelta + 1
        const batches = staged.get(partitionId) ?? []
        staged.set(partitionId, [...batches, { baseOffset, end, bytes: batch.length, maxTimestamp: Number(header.maxTimestamp), address }])
      }
      address += batch.length
    }
    if (staged.size === 0) return undefined
    if (objectId % 2 === 0) return this.#putSegment(objectId, entries, staged)
    const plan = planObject(staged, (at, bytes, seed) => crc32c(memory, at, at + bytes, seed) | 0)
    const index = encodeIndex(plan.partitions, plan.bytes)
    const pieces = [...plan.batches.map((batch) => memory.subarray(batch.address, batch.address + batch.bytes)), index]
    done(await store.put(keys.key(objectId), pieces))
    return { bytes: plan.bytes + index.length, parts: plan.partitions.map((partition) => partOf(partition, time.now)) }
  }

  /** Every other object is a segment: the batches in the order of the log, with gaps. */
  async #putSegment(
    objectId: number,
    entries: readonly WalEntry[],
    staged: ReadonlyMap<PartitionId, readonly StagedBatch[]>,
  ): Promise<ObjectContents> {
    const { store, keys, time } = this.#parts
    const known = entries.filter(({ partitionId, header }) =>
      staged.get(partitionId)?.some(({ baseOffset }) => baseOffset === Number(header.baseOffset)),
    )
    const { data, rows } = segmentOf(known, (index) => (index % 8 === 7 ? gapBytesMax + 1 : recordHeaderBytes))
    const { index, parts } = encodeSegmentIndex({ rows, bytes: data.length }, time.now)
    done(await store.put(keys.key(objectId), [data, index]))
    return { bytes: data.length + index.length, parts }
  }

  /** The simulated log has no files. `build` stores such objects in its place. */
  async promote(): Promise<'declined'> {
    return 'declined'
  }

  async rewrite(objectId: number, sources: readonly (Source & { readonly from: number })[]): Promise<ObjectContents> {
    const { store, keys, time } = this.#parts
    const keyed = sources.map((source) => ({ ...source, key: keys.key(source.objectId) }))
    return done(await rewriteObjects(store, { key: keys.key(objectId), sources: keyed }, time.now))
  }

  async clean(objectIds: readonly number[], parts: readonly StoredPart[], rules: CleanRules): Promise<CleanedObjects> {
    const { store, keys, mapBytesMax, onClean, onCleaned } = this.#parts
    onClean(rules)
    const sources = parts.map((part) => ({ ...part, key: keys.key(part.objectId) }))
    const mapBytes = Math.min(rules.mapBytes, mapBytesMax)
    const task = { ...rules, mapBytes, sources, keys: objectIds.map((objectId) => keys.key(objectId)) }
    const cleaned = done(await cleanObjects(store, task))
    onCleaned(parts, cleaned)
    return cleaned
  }

  async readTail(objectId: number, bytes: number): Promise<Uint8Array> {
    const { store, keys } = this.#parts
    return done(await tailOf(store, keys.key(objectId), bytes))
  }

  async loadBlocks(objectId: number, runs: readonly BlockRun[]): Promise<void> {
    const { store, keys, memory } = this.#parts
    done(await loadRuns(store, keys.key(objectId), runs, roomOf(memory)))
  }

  async readWal(index: number, ranges: readonly WalRange[]): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const { lanes, time, incarnation } = this.#parts
    const lane = lanes.all[index]!
    await time.pause(incarnation, 2)
    const batches: Buffer[] = []
    for (const { position } of ranges) {
      const found = lane.disk.entries.find((entry) => entry.position + walRecord.bytes === position)
      if (found === undefined) {
        if (position < lane.stored) return undefined
        throw new Error(`the WAL has no record at position ${position}`)
      }
      batches.push(found.batch)
    }
    return new Uint8Array(Buffer.concat(batches))
  }

  async copyWal(index: number, ranges: readonly WalRange[], into: readonly LeasedRange[]): Promise<boolean> {
    const { bytes } = this.#parts.memory
    const found = await this.readWal(index, ranges)
    if (found === undefined) return false
    new Pieces(into.map((piece) => bytes.subarray(piece.address, piece.address + piece.bytes))).write(found)
    return true
  }

  async remove(objectIds: readonly number[]): Promise<void> {
    await this.removeKeys(objectIds.map((objectId) => this.#parts.keys.key(objectId)))
  }

  async removeKeys(keys: readonly string[]): Promise<void> {
    done(await this.#parts.store.remove(keys))
  }

  async abandonUploads(prefix: string, beforeMs: number): Promise<number> {
    return done(await this.#parts.store.abandonUploads(prefix, beforeMs))
  }

  async list(prefix: string, from: string | undefined): Promise<ListPage> {
    return done(await this.#parts.store.list(prefix, from))
  }
}

const roomOf = ({ bytes, view }: BlockMemory): BlockRoom => ({
  bytes,
  view,
  crc: (at, size) => crc32c(bytes, at, at + size) | 0,
  move: (to, from, size) => bytes.copyWithin(to, from, from + size),
})

function done<T>(result: T | StoreFault): T {
  if (isFault(result)) throw new StoreFailed(result)
  return result as T
}
