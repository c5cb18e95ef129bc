import { Piscina } from 'piscina'
import type { WalState } from '../src/pipeline/persistence.ts'
import type { Cut } from '../src/stream/wal-record.ts'

export interface BuildTask {
  readonly wal: { readonly path: string; readonly state: WalState }
  readonly from: Cut
  readonly until: number
  readonly folder: string
  readonly objectId: number
  /** Streams that exist, and the end of what the store holds of each. */
  readonly stored: ReadonlyMap<number, number>
}
export interface BuiltObject {
  /** Where the next object begins. */
  readonly end: Cut
  /** Undefined when nothing was worth storing. */
  readonly object: { readonly bytes: number; readonly streams: readonly { stream: number; start: number; end: number }[] } | undefined
}

export interface ReadTask {
  readonly folder: string
  readonly objectId: number
  readonly stream: number
  readonly offset: number
  readonly bytesMax: number
}
export interface FindTask {
  readonly folder: string
  readonly objectId: number
  readonly stream: number
  readonly offset: number
  readonly timestamp: number
}
export interface RangesTask {
  readonly path: string
  readonly capacity: number
  readonly ranges: readonly { readonly position: number; readonly bytes: number }[]
}

/** Cold reads wait for one thread, never for the object that the other one builds. */
const threads = 2
/** Jobs that wait; more than that fail, and their clients ask again. */
const queueMax = 4096
const idleMs = 30_000

/** What the object workers do for the main thread, each job in a thread of a pool. */
export class ObjectJobs {
  readonly #pool: Piscina
  readonly #folder: string
  readonly #wal: { readonly path: string; readonly state: WalState }

  /** `filename` is the entry of the object workers. */
  constructor(filename: string, folder: string, wal: { readonly path: string; readonly state: WalState }) {
    this.#folder = folder
    this.#wal = wal
    this.#pool = new Piscina({ filename, minThreads: 0, maxThreads: threads, idleTimeout: idleMs, maxQueue: queueMax, atomics: 'disabled' })
  }

  build(objectId: number, from: Cut, until: number, stored: ReadonlyMap<number, number>): Promise<BuiltObject> {
    const task: BuildTask = { wal: this.#wal, from, until, folder: this.#folder, objectId, stored }
    return this.#pool.run(task, { name: 'build' })
  }

  read(objectId: number, stream: number, offset: number, bytesMax: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const task: ReadTask = { folder: this.#folder, objectId, stream, offset, bytesMax }
    return this.#pool.run(task, { name: 'read' })
  }

  firstSince(objectId: number, stream: number, offset: number, timestamp: number): Promise<Uint8Array | undefined> {
    const task: FindTask = { folder: this.#folder, objectId, stream, offset, timestamp }
    return this.#pool.run(task, { name: 'firstSince' })
  }

  latest(objectId: number, stream: number, offset: number): Promise<{ maxTimestamp: number; batch: Uint8Array } | undefined> {
    const task: FindTask = { folder: this.#folder, objectId, stream, offset, timestamp: 0 }
    return this.#pool.run(task, { name: 'latest' })
  }

  ranges(ranges: RangesTask['ranges']): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const task: RangesTask = { path: this.#wal.path, capacity: this.#wal.state.capacity, ranges }
    return this.#pool.run(task, { name: 'ranges' })
  }

  close(): Promise<void> {
    return this.#pool.close({ force: true })
  }
}
