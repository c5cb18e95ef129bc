import { join } from 'node:path'
import { MessageChannel } from 'node:worker_threads'
import { Piscina } from 'piscina'
import { AtMost } from '../../src/actor/at-most.ts'
import { unfilled } from '../../src/base/unfilled.ts'
import { isFault, StoreFailed } from '../../src/object-store/store-faults.ts'
import type { ObjectKeys } from '../../src/objects/object-key.ts'
import { uploadsMax } from '../../src/objects/upload-policy.ts'
import { type LeasedRange, type WalRange, walBytes } from '../../src/ports/cold-reads.ts'
import type { Lanes } from '../../src/ports/lanes.ts'
import type { BlockRun, Building, BuiltPart, CleanedObjects, CleanRules, ObjectJobs, Sealed, Source } from '../../src/ports/object-jobs.ts'
import type { ListPage, StoreFault, StoreLocation } from '../../src/ports/object-store.ts'
import type { PartitionId } from '../../src/ports/partitions.ts'
import type { FullSegment } from '../../src/ports/segment-rows.ts'
import type { ObjectContents, StoredPart } from '../../src/ports/stored-objects.ts'
import type { TrimPoint } from '../../src/ports/trim-point.ts'
import { segmentFolder, segmentName } from '../../src/wal/segments.ts'
import type { SpareSegments } from '../disk/spare-segments.ts'
import { type BudgetData, newMeter, type StoreShare } from '../store/shared-store.ts'
import { openArena } from './arena.ts'
import type {
  BlocksTask,
  BuildTask,
  CleanTask,
  ObjectWorkerData,
  PromoteTask,
  RangesTask,
  RemoveTask,
  RewriteTask,
  TailTask,
  UnbuiltPart,
} from './object-tasks.ts'
import type { PipelineLane } from './pipeline-lane.ts'
import { copyRanges, readRanges } from './wal-reads.ts'

/** Maximum simultaneous requests of one thread to the store. */
const concurrentReads = 64
const concurrentWrites = 8
/** Maximum number of waiting jobs; above it, jobs fail and their clients retry. */
const queueMax = 4096
const idleMs = 30_000
/** Limit of the young generation of a thread's heap. Without a limit it grows to 48 MiB in each thread, and is not released. */
const youngMib = 12

export interface ObjectWorkersOptions {
  /** Entry of the object workers. */
  readonly worker: string
  readonly location: StoreLocation
  readonly keys: ObjectKeys
  /** Budget for remote stores. */
  readonly budget: BudgetData | null
  /** Memory into which blocks are read. */
  readonly blocks: WebAssembly.Memory
  readonly lanes: Lanes<PipelineLane>
}

/** Jobs of the object workers for the main thread: one thread reads, one uploads, one compacts, so that none waits for another. */
export class ObjectWorkers implements ObjectJobs {
  readonly #readers: Piscina
  readonly #writers: Piscina
  readonly #compactors: Piscina
  readonly #keys: ObjectKeys
  /** The store is a folder, which may be the mount point of another file system. */
  readonly #isMounted: boolean
  /** Counters of each pool's thread, in the rows of `storeTable`. */
  readonly meters: readonly Float64Array[]
  readonly #lanes: Lanes<PipelineLane>
  readonly #blocks: Buffer
  /** The thread has memory for this number of objects. */
  readonly #builds = new AtMost(uploadsMax)

  constructor({ worker, location, keys, budget, blocks, lanes }: ObjectWorkersOptions) {
    this.#keys = keys
    this.#isMounted = location.scheme === 'file'
    this.#lanes = lanes
    this.#blocks = openArena(blocks).bytes
    this.meters = Array.from({ length: 3 }, () => newMeter())
    const data = (index: number): ObjectWorkerData & StoreShare => ({
      store: location,
      blocks,
      logs: lanes.all.map(({ log }) => log),
      budget,
      meter: this.meters[index]!,
    })
    const pool = {
      filename: worker,
      minThreads: 0,
      maxThreads: 1,
      idleTimeout: idleMs,
      maxQueue: queueMax,
      atomics: 'disabled',
      resourceLimits: { maxYoungGenerationSizeMb: youngMib },
    } as const
    this.#readers = new Piscina({ ...pool, workerData: data(0), concurrentTasksPerWorker: concurrentReads })
    this.#compactors = new Piscina({ ...pool, workerData: data(2) })
    this.#writers = new Piscina({ ...pool, workerData: data(1), concurrentTasksPerWorker: concurrentWrites })
  }

  build(lane: number, objectId: number, from: TrimPoint, until: number, stored: ReadonlyMap<PartitionId, number>): Building {
    const { port1, port2 } = new MessageChannel()
    const read = new Promise<Sealed>((resolve) => port1.once('message', resolve))
    const marker = this.#isMounted ? this.#keys.marker : null
    const key = this.#keys.key(objectId)
    const result = this.#builds.run((): Promise<BuiltPart | UnbuiltPart> => {
      const task: BuildTask = { lane, wal: this.#lanes.all[lane]!.wal, from, until, key, marker, stored, port: port2 }
      return this.#writers.run(task, { name: 'build', transferList: [port2] })
    })
    const built = result.then((part) => ('fault' in part ? done<BuiltPart>(part.fault) : part)).finally(() => port1.close())
    // For a part that takes no time, both arrive at once, in either order.
    const sealed = Promise.race([read, result])
    // Callers that await them receive the errors.
    built.catch(() => {})
    sealed.catch(() => {})
    return { sealed, built }
  }

  async promote(lane: number, objectId: number, segment: FullSegment): Promise<ObjectContents | 'declined'> {
    const { path: log } = this.#lanes.all[lane]!.wal
    if (!this.#isMounted || log === null) return 'declined'
    const path = join(segmentFolder(log), segmentName(segment.start))
    const task: PromoteTask = { path, segment, key: this.#keys.key(objectId), marker: this.#keys.marker }
    return done(await this.#writers.run(task, { name: 'promote' }))
  }

  async rewrite(objectId: number, sources: readonly (Source & { readonly from: number })[]): Promise<ObjectContents> {
    const keyed = sources.map((source) => ({ ...source, key: this.#keys.key(source.objectId) }))
    const task: RewriteTask = { key: this.#keys.key(objectId), sources: keyed }
    return done(await this.#compactors.run(task, { name: 'rewrite' }))
  }

  async clean(objectIds: readonly number[], parts: readonly StoredPart[], rules: CleanRules, signal: AbortSignal): Promise<CleanedObjects> {
    const sources = parts.map((part) => ({ ...part, key: this.#keys.key(part.objectId) }))
    const task: CleanTask = { ...rules, sources, keys: objectIds.map((objectId) => this.#keys.key(objectId)) }
    return done(await this.#compactors.run(task, { name: 'clean', signal }))
  }

  async readTail(objectId: number, bytes: number): Promise<Uint8Array> {
    const task: TailTask = { key: this.#keys.key(objectId), bytes }
    return done(await this.#readers.run(task, { name: 'readTail' }))
  }

  async loadBlocks(objectId: number, runs: readonly BlockRun[], urgent: boolean): Promise<void> {
    const task: BlocksTask = { key: this.#keys.key(objectId), runs, urgent }
    done(await this.#readers.run(task, { name: 'loadBlocks' }))
  }

  async readWal(index: number, ranges: readonly WalRange[]): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const lane = this.#lanes.all[index]!
    const { log, stored } = lane
    if (log !== undefined) {
      const copy = unfilled(walBytes(ranges))
      return copyRanges(log, stored, ranges, [copy]) ? copy : undefined
    }
    let read: Uint8Array<ArrayBuffer> | undefined
    const readFile = async (): Promise<boolean> => {
      read = await this.#readRanges(lane, ranges, null)
      return read !== undefined
    }
    return (await readRanges(readFile, lane, ranges)) ? read : undefined
  }

  async copyWal(index: number, ranges: readonly WalRange[], into: readonly LeasedRange[]): Promise<boolean> {
    const lane = this.#lanes.all[index]!
    const { log, stored } = lane
    const pieces = (): Uint8Array[] => into.map(({ address, bytes }) => this.#blocks.subarray(address, address + bytes))
    if (log !== undefined) return copyRanges(log, stored, ranges, pieces())
    return readRanges(async () => (await this.#readRanges(lane, ranges, into)) !== undefined, lane, ranges)
  }

  #readRanges<T>({ wal }: PipelineLane, ranges: readonly WalRange[], into: readonly LeasedRange[] | null): Promise<T | undefined> {
    const { capacity, segments } = wal.state
    const task: RangesTask = { path: wal.path!, capacity, segments, ranges, into }
    return this.#readers.run(task, { name: 'ranges' })
  }

  async remove(objectIds: readonly number[]): Promise<void> {
    await this.removeKeys(objectIds.map((objectId) => this.#keys.key(objectId)))
  }

  async removeKeys(keys: readonly string[]): Promise<void> {
    const task: RemoveTask = { keys, spares: this.#spares() }
    done(await this.#writers.run(task, { name: 'remove' }))
  }

  /** Half of each log may be spare segments. Empty where segments do not become objects. */
  #spares(): readonly SpareSegments[] {
    if (!this.#isMounted) return []
    return this.#lanes.all.flatMap(({ wal: { path, state } }) => {
      if (path === null || state.segments === undefined) return []
      const { bytes } = state.segments
      return { folder: segmentFolder(path), bytes, max: Math.floor(state.capacity / bytes / 2) }
    })
  }

  async abandonUploads(prefix: string, beforeMs: number): Promise<number> {
    return done(await this.#writers.run({ prefix, beforeMs }, { name: 'abandonUploads' }))
  }

  async list(prefix: string, from: string | undefined): Promise<ListPage> {
    return done(await this.#writers.run({ prefix, from }, { name: 'list' }))
  }

  async close(): Promise<void> {
    await Promise.all([this.#readers, this.#writers, this.#compactors].map((pool) => pool.close({ force: true })))
  }
}

function done<T>(result: T | StoreFault): T {
  if (isFault(result)) throw new StoreFailed(result)
  return result as T
}
