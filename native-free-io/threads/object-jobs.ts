import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { Piscina } from 'piscina'
import type { LaneWal } from '../../src/network/thread-messages.ts'
import { isFault } from '../../src/object-store/store-faults.ts'
import type { Source } from '../../src/objects/compaction/compaction-plan.ts'
import type { DataBlock, ObjectPart } from '../../src/objects/object-format.ts'
import type { ObjectKeys } from '../../src/objects/object-key.ts'
import type { StreamPart } from '../../src/objects/object-map.ts'
import type { ListPage, StoreFault, StoreLocation } from '../../src/ports.ts'
import type { TrimPoint } from '../../src/wal/wal-record.ts'
import type { CleanedObjects, CleanTask } from '../storage/clean-objects.ts'
import type { LogPlace } from '../storage/wal-reads.ts'
import { type BudgetData, newMeter, type StoreShare } from '../store/shared-store.ts'

/** What every object worker starts with. */
export interface ObjectWorkerData {
  readonly store: StoreLocation
  /** Blocks are read into it. */
  readonly blocks: WebAssembly.Memory
  /** Log memory, where the write-ahead log has no file. */
  readonly log: LogPlace | null
}

export interface BuildTask {
  readonly wal: LaneWal
  readonly from: TrimPoint
  readonly until: number
  readonly key: string
  /** Has to be in the store before anything is put there: a folder without it is not mounted. Null where that cannot happen. */
  readonly marker: string | null
  /** Streams that exist, and the end of what the store holds of each. */
  readonly stored: ReadonlyMap<number, number>
  /** Hears of `Sealed` before the object is on its way. */
  readonly port: MessagePort
}
/** A part of the log has been read. */
export interface Sealed {
  /** Where the next object begins. */
  readonly end: TrimPoint
}
/** Undefined when nothing was worth storing. */
export type BuiltObject = { readonly bytes: number; readonly streams: readonly ObjectPart[] } | undefined

/** What became of a part of the log. */
export interface BuiltPart extends Sealed {
  readonly object: BuiltObject
}

/** It was read, and the store did not take it. */
export interface UnbuiltPart extends Sealed {
  readonly fault: StoreFault
}

export interface Building {
  /** As soon as the part has been read, which may be long before its object is stored. */
  readonly sealed: Promise<Sealed>
  /** Rejects with StoreFailed; the same part may then be built again. */
  readonly built: Promise<BuiltPart>
}

/** Makes one object of parts of others, block by block. */
export interface RewriteTask {
  readonly key: string
  readonly sources: readonly (Source & { readonly key: string; readonly from: number })[]
}

export interface TailTask {
  readonly key: string
  /** Of the object. */
  readonly bytes: number
}
export interface BlocksTask {
  readonly key: string
  readonly position: number
  /** In block memory. */
  readonly address: number
  readonly blocks: readonly Pick<DataBlock, 'bytes' | 'crc'>[]
  /** Somebody waits. */
  readonly urgent: boolean
}
export interface RangesTask {
  readonly path: string
  readonly capacity: number
  readonly ranges: readonly { readonly position: number; readonly bytes: number }[]
}

/** What the store could not do, where nobody but the log wants to know more. */
export class StoreFailed extends Error {
  readonly fault: StoreFault

  constructor(fault: StoreFault) {
    super(`the store cannot ${fault.operation} ${fault.key}: ${fault.fault}, ${fault.detail}`)
    this.fault = fault
  }
}

/** A store that fails is asked again in the next round; anything else that goes wrong ends the node. */
export const faultOrFailure =
  ({ onFault, onFailure }: { onFault(fault: StoreFault): void; onFailure(error: Error): void }) =>
  (error: Error): void =>
    error instanceof StoreFailed ? onFault(error.fault) : onFailure(error)

/** Requests to the store that one thread has on their way at a time. */
const concurrentReads = 64
const concurrentWrites = 8
/** Jobs that wait; more than that fail, and their clients ask again. */
const queueMax = 4096
const idleMs = 30_000
/** Of a thread's heap: what has just been allocated. Without a bound it grows to 48 MiB in each, and is kept. */
const youngMib = 12

/** What the object workers do for the main thread: one thread reads, one stores, one compacts, so that none waits for another. */
export class ObjectJobs {
  readonly #readers: Piscina
  readonly #writers: Piscina
  readonly #compactors: Piscina
  readonly #keys: ObjectKeys
  /** The store is a folder, which may be the place of another file system. */
  readonly #isMounted: boolean
  /** What each pool's thread counts, in the rows of `storeTable`. */
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
    // Of a part that takes no time both come at once, in either order.
    const sealed = Promise.race([read, result])
    // Whoever waits for them hears of what goes wrong.
    built.catch(() => {})
    sealed.catch(() => {})
    return { sealed, built }
  }

  /** Makes one object of these sources, which are ordered by stream and offset, without what lies below `from`. */
  async rewrite(objectId: number, sources: readonly (Source & { readonly from: number })[]): Promise<BuiltObject> {
    const keyed = sources.map((source) => ({ ...source, key: this.#keys.key(source.objectId) }))
    const task: RewriteTask = { key: this.#keys.key(objectId), sources: keyed }
    return done(await this.#compactors.run(task, { name: 'rewrite' }))
  }

  /** Compacts parts of one stream by key. Of the numbers as many are used as are needed. Rejects when the signal says so. */
  async clean(
    objectIds: readonly number[],
    parts: readonly StreamPart[],
    how: Omit<CleanTask, 'sources' | 'keys'>,
    signal: AbortSignal,
  ): Promise<CleanedObjects> {
    const sources = parts.map((part) => ({ ...part, key: this.#keys.key(part.objectId) }))
    const task: CleanTask = { ...how, sources, keys: objectIds.map((objectId) => this.#keys.key(objectId)) }
    return done(await this.#compactors.run(task, { name: 'clean', signal }))
  }

  /** The index of an object and its footer, behind whatever precedes them. */
  async readTail(objectId: number, bytes: number): Promise<Uint8Array> {
    const task: TailTask = { key: this.#keys.key(objectId), bytes }
    return done(await this.#readers.run(task, { name: 'readTail' }))
  }

  /** Resolves when the blocks are in block memory and are what the index says. */
  async loadBlocks(
    objectId: number,
    { position, address, blocks, urgent }: { position: number; address: number; blocks: readonly DataBlock[]; urgent: boolean },
  ): Promise<void> {
    const wanted = blocks.map(({ bytes, crc }) => ({ bytes, crc }))
    const task: BlocksTask = { key: this.#keys.key(objectId), position, address, blocks: wanted, urgent }
    done(await this.#readers.run(task, { name: 'loadBlocks' }))
  }

  /** Batches that only the file of the write-ahead log holds; undefined when one of them has been overwritten. */
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

  /** What large objects left whose keys begin so and that were begun before this time and never finished. */
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
