import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { Piscina } from 'piscina'
import type { LaneWal } from '../../src/network/thread-messages.ts'
import { isFault } from '../../src/object-store/store-faults.ts'
import type { Source } from '../../src/objects/compaction/compaction-plan.ts'
import type { ObjectKeys } from '../../src/objects/object-key.ts'
import type { TrimPoint } from '../../src/ports/lane.ts'
import type { ListPage, StoreFault, StoreLocation } from '../../src/ports/object-store.ts'
import type { DataBlock, ObjectPart, StoredPart } from '../../src/ports/stored-objects.ts'
import type { CleanedObjects, CleanTask } from '../store/clean-objects.ts'
import { type BudgetData, newMeter, type StoreShare } from '../store/shared-store.ts'
import type { LogPlace } from './wal-reads.ts'

/** Data for the start of every object worker. */
export interface ObjectWorkerData {
  readonly store: StoreLocation
  /** Memory into which blocks are read. */
  readonly blocks: WebAssembly.Memory
  /** The log cache, for an S3 WAL. */
  readonly log: LogPlace | null
}

export interface BuildTask {
  readonly wal: LaneWal
  readonly from: TrimPoint
  readonly until: number
  readonly key: string
  /** Key that must exist in the store before an object is put: a folder without it is not mounted. Null for stores that are not mounted. */
  readonly marker: string | null
  /** Existing partitions, and the end of their records in the store. */
  readonly stored: ReadonlyMap<number, number>
  /** Receives `Sealed` before the upload of the object starts. */
  readonly port: MessagePort
}
/** A part of the log has been read. */
export interface Sealed {
  /** Start of the next object. */
  readonly end: TrimPoint
}
/** Undefined when there was nothing to store. */
export type BuiltObject = { readonly bytes: number; readonly parts: readonly ObjectPart[] } | undefined

/** Result for a part of the log. */
export interface BuiltPart extends Sealed {
  readonly object: BuiltObject
}

/** The part was read, but the store failed. */
export interface UnbuiltPart extends Sealed {
  readonly fault: StoreFault
}

export interface Building {
  /** Resolves when the part has been read, which may be long before its object is stored. */
  readonly sealed: Promise<Sealed>
  /** Rejects with StoreFailed; then the same part can be built again. */
  readonly built: Promise<BuiltPart>
}

/** Builds one object from parts of existing objects, block by block. */
export interface RewriteTask {
  readonly key: string
  readonly sources: readonly (Source & { readonly key: string; readonly from: number })[]
}

export interface TailTask {
  readonly key: string
  /** Size of the object. */
  readonly bytes: number
}
export interface BlocksTask {
  readonly key: string
  readonly position: number
  /** Address in the block cache. */
  readonly address: number
  readonly blocks: readonly Pick<DataBlock, 'bytes' | 'crc'>[]
  /** A read waits for the blocks. */
  readonly urgent: boolean
}
export interface RangesTask {
  readonly path: string
  readonly capacity: number
  readonly ranges: readonly { readonly position: number; readonly bytes: number }[]
}

/** Fault of a store as an error, for callers that only log it. */
export class StoreFailed extends Error {
  readonly fault: StoreFault

  constructor(fault: StoreFault) {
    super(`the store cannot ${fault.operation} ${fault.key}: ${fault.fault}, ${fault.detail}`)
    this.fault = fault
  }
}

/** After a fault of the store, the next round retries; any other error ends the node. */
export const faultOrFailure =
  ({ onFault, onFailure }: { onFault(fault: StoreFault): void; onFailure(error: Error): void }) =>
  (error: Error): void =>
    error instanceof StoreFailed ? onFault(error.fault) : onFailure(error)

/** Maximum simultaneous requests of one thread to the store. */
const concurrentReads = 64
const concurrentWrites = 8
/** Maximum number of waiting jobs; above it, jobs fail and their clients retry. */
const queueMax = 4096
const idleMs = 30_000
/** Limit of the young generation of a thread's heap. Without a limit it grows to 48 MiB in each thread, and is not released. */
const youngMib = 12

/** Jobs of the object workers for the main thread: one thread reads, one uploads, one compacts, so that none waits for another. */
export class ObjectJobs {
  readonly #readers: Piscina
  readonly #writers: Piscina
  readonly #compactors: Piscina
  readonly #keys: ObjectKeys
  /** The store is a folder, which may be the mount point of another file system. */
  readonly #isMounted: boolean
  /** Counters of each pool's thread, in the rows of `storeTable`. */
  readonly meters: readonly Float64Array[]
  readonly #wal: LaneWal

  /** `filename` is the entry of the object workers. */
  constructor(filename: string, keys: ObjectKeys, workerData: ObjectWorkerData, budget: BudgetData | null, wal: LaneWal) {
    this.#keys = keys
    this.#isMounted = workerData.store.scheme === 'file'
    this.#wal = wal
    this.meters = Array.from({ length: 3 }, () => newMeter())
    const data = (index: number): ObjectWorkerData & StoreShare => ({ ...workerData, budget, meter: this.meters[index]! })
    const pool = {
      filename,
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

  build(objectId: number, from: TrimPoint, until: number, stored: ReadonlyMap<number, number>): Building {
    const { port1, port2 } = new MessageChannel()
    const read = new Promise<Sealed>((resolve) => port1.once('message', resolve))
    const marker = this.#isMounted ? this.#keys.marker : null
    const task: BuildTask = { wal: this.#wal, from, until, key: this.#keys.key(objectId), marker, stored, port: port2 }
    const result = this.#writers.run(task, { name: 'build', transferList: [port2] }) as Promise<BuiltPart | UnbuiltPart>
    const built = result.then((part) => ('fault' in part ? done<BuiltPart>(part.fault) : part)).finally(() => port1.close())
    // For a part that takes no time, both arrive at once, in either order.
    const sealed = Promise.race([read, result])
    // Callers that await them receive the errors.
    built.catch(() => {})
    sealed.catch(() => {})
    return { sealed, built }
  }

  /** Builds one object from these sources, which are ordered by partition and offset, without the records below `from`. */
  async rewrite(objectId: number, sources: readonly (Source & { readonly from: number })[]): Promise<BuiltObject> {
    const keyed = sources.map((source) => ({ ...source, key: this.#keys.key(source.objectId) }))
    const task: RewriteTask = { key: this.#keys.key(objectId), sources: keyed }
    return done(await this.#compactors.run(task, { name: 'rewrite' }))
  }

  /** Compacts parts of one partition by key. Uses as many of the ids as necessary. Rejects when the signal is aborted. */
  async clean(
    objectIds: readonly number[],
    parts: readonly StoredPart[],
    how: Omit<CleanTask, 'sources' | 'keys'>,
    signal: AbortSignal,
  ): Promise<CleanedObjects> {
    const sources = parts.map((part) => ({ ...part, key: this.#keys.key(part.objectId) }))
    const task: CleanTask = { ...how, sources, keys: objectIds.map((objectId) => this.#keys.key(objectId)) }
    return done(await this.#compactors.run(task, { name: 'clean', signal }))
  }

  /** Reads the index and the footer of an object, possibly with bytes before them. */
  async readTail(objectId: number, bytes: number): Promise<Uint8Array> {
    const task: TailTask = { key: this.#keys.key(objectId), bytes }
    return done(await this.#readers.run(task, { name: 'readTail' }))
  }

  /** Resolves when the blocks are in the block cache and match the index. */
  async loadBlocks(
    objectId: number,
    { position, address, blocks, urgent }: { position: number; address: number; blocks: readonly DataBlock[]; urgent: boolean },
  ): Promise<void> {
    const wanted = blocks.map(({ bytes, crc }) => ({ bytes, crc }))
    const task: BlocksTask = { key: this.#keys.key(objectId), position, address, blocks: wanted, urgent }
    done(await this.#readers.run(task, { name: 'loadBlocks' }))
  }

  /** Batches that are only in the WAL file; undefined when one of them has been overwritten. */
  ranges(ranges: RangesTask['ranges']): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const task: RangesTask = { path: this.#wal.path!, capacity: this.#wal.state.capacity, ranges }
    return this.#readers.run(task, { name: 'ranges' })
  }

  async remove(objectIds: readonly number[]): Promise<void> {
    done(await this.#writers.run({ keys: objectIds.map((objectId) => this.#keys.key(objectId)) }, { name: 'remove' }))
  }

  async removeKeys(keys: readonly string[]): Promise<void> {
    done(await this.#writers.run({ keys }, { name: 'remove' }))
  }

  /** Removes the remains of incomplete uploads with keys that start with `prefix`, if they started before this time. */
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
