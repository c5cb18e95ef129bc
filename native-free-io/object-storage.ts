import type { Load } from '../src/broker/01-fetch.ts'
import type { Loaded } from '../src/broker/thread-messages.ts'
import type { Controller } from '../src/controller/controller.ts'
import type { Image } from '../src/metadata/image.ts'
import { MetricBlock } from '../src/metrics/rows.ts'
import { kernelBytes } from '../src/pipeline/kernel/kernel.ts'
import type { StoreFault, StoreLocation, StreamId } from '../src/ports.ts'
import { compactionLimits } from '../src/stream/compaction-plan.ts'
import { ObjectMap } from '../src/stream/object-map.ts'
import { localPolicy, remotePolicy } from '../src/stream/seal-policy.ts'
import { storageMetrics } from '../src/stream/storage-metrics.ts'
import { alignBlock } from '../src/stream/wal-record.ts'
import { createArena, openArena } from './arena.ts'
import { ColdAnswers } from './cold-answers.ts'
import { ColdReader } from './cold-reader.ts'
import { type CleanerSettings, LogCleaner } from './log-cleaner.ts'
import { ObjectCompactor } from './object-compactor.ts'
import { ObjectIds } from './object-ids.ts'
import { ObjectJanitor } from './object-janitor.ts'
import { ObjectJobs } from './object-jobs.ts'
import { OneAtATime } from './one-at-a-time.ts'
import type { Pipeline } from './pipeline.ts'
import type { ProducersHome } from './producers-file.ts'
import type { BudgetData } from './store/shared-store.ts'
import { StoreKeeper } from './store-keeper.ts'
import type { WalRange } from './wal-file.ts'
import { copyRanges, readRanges } from './wal-reads.ts'

export interface StorageOptions {
  /** Entry of the object workers. */
  readonly worker: string
  readonly location: StoreLocation
  readonly clusterId: string
  readonly pipeline: Pipeline
  readonly image: Image
  readonly blockCacheBytes: number
  /** Towards stores elsewhere. */
  readonly budget: BudgetData | null
  /** Null: as the policy has it. */
  readonly uploadThresholdBytes: number | null
  readonly uploadIntervalMs: number | null
  readonly deleteRetentionMs: number
  readonly producers: ProducersHome
  /** See `NodeLogs`. */
  readonly confirm: () => Promise<void>
  /** Null: nothing is compacted by key. */
  readonly cleaner: CleanerSettings | null
  /** Wall clock. */
  now(): number
  readonly onEvent: StorageEvents
}

export interface StorageEvents {
  stored(objectId: number, bytes: number): void
  removed(why: string, count: number): void
  /** Objects were put together. */
  compacted(replaced: number, outputs: number, bytes: number): void
  /** A stream was compacted by key; bytes before and after. */
  cleaned(stream: StreamId, read: number, written: number): void
  /** The store does not do what it should; it is asked again. */
  fault(fault: StoreFault): void
  /** The node cannot go on. */
  failed(error: Error): void
}

/** An object that nobody knows is taken for a remainder after this long: on a disk at once, since nobody else writes there. */
const orphanMs = { file: 0, mem: 0, s3: 3_600_000 } as const

/** All that lies behind the write-ahead log: what is stored, read back, and removed, in which store whatever. */
export class ObjectStorage {
  readonly objects = new ObjectMap()
  readonly jobs: ObjectJobs
  readonly cold: ColdReader
  readonly #options: StorageOptions
  readonly #values: Float64Array
  readonly #answers: ColdAnswers
  #keeper: StoreKeeper | undefined
  #janitor: ObjectJanitor | undefined
  #compactor: ObjectCompactor | undefined
  #cleaner: LogCleaner | undefined

  constructor(options: StorageOptions) {
    const { worker, clusterId, location, pipeline, image, blockCacheBytes } = options
    this.#options = options
    for (const object of image.objects.values()) this.objects.add(object)
    const base = alignBlock(kernelBytes)
    const memory = openArena(createArena(Math.ceil((base + blockCacheBytes) / 65536)))
    const workerData = { store: location, blocks: memory.memory, log: pipeline.log ?? null }
    this.jobs = new ObjectJobs(worker, clusterId, workerData, options.budget, pipeline.wal)
    this.#values = new Float64Array(Object.keys(storageMetrics).length)
    const counters = new MetricBlock(storageMetrics, this.#values)
    const { objects, jobs } = this
    this.cold = new ColdReader({ objects, jobs, memory, base, bytes: blockCacheBytes, now: () => performance.now(), counters })
    this.#answers = new ColdAnswers(this.cold)
    pipeline.tellNetwork({ type: 'blocks', memory: memory.memory })
  }

  get counters(): { readonly table: typeof storageMetrics; readonly values: Float64Array } {
    return { table: storageMetrics, values: this.#values }
  }

  /** Begins to store and to remove. */
  start(controller: Controller): void {
    const { clusterId, location, pipeline, producers, deleteRetentionMs, uploadThresholdBytes, uploadIntervalMs, cleaner, now, onEvent } =
      this.#options
    const { jobs, objects } = this
    const { capacity } = pipeline.wal.state
    const isLocal = location.scheme === 'file' && uploadThresholdBytes === null
    const own = { controller, jobs, objects, onFault: onEvent.fault, onFailure: onEvent.failed }
    const ids = new ObjectIds(controller)
    const turn = new OneAtATime()
    const janitor = new ObjectJanitor({
      ...own,
      confirm: this.#options.confirm,
      clusterId,
      retentionMs: deleteRetentionMs,
      orphanMs: orphanMs[location.scheme],
      onRemoved: onEvent.removed,
    })
    const common = { ...own, ids, onAbandoned: (objectIds: readonly number[]) => janitor.abandon(objectIds) }
    this.#keeper = new StoreKeeper({
      ...common,
      pipeline,
      policy: isLocal ? localPolicy(capacity) : remotePolicy(capacity, uploadThresholdBytes, uploadIntervalMs),
      producers,
      onStored: (objectId, bytes) => {
        onEvent.stored(objectId, bytes)
        this.#compactor?.hasNews()
      },
    })
    this.#compactor = new ObjectCompactor({
      ...common,
      turn,
      limits: compactionLimits(location.scheme === 'file'),
      onCompacted: onEvent.compacted,
    })
    const keeper = this.#keeper
    if (cleaner !== null) {
      this.#cleaner = new LogCleaner({
        ...common,
        ...cleaner,
        pipeline,
        turn,
        now,
        firstTimestamp: (stream, offset) => this.cold.firstTimestamp(stream, offset),
        storeAll: () => keeper.drain(),
        onCleaned: onEvent.cleaned,
      })
    }
    this.#janitor = janitor
    this.#keeper.start()
    this.#janitor.start()
    this.#compactor.start()
    this.#cleaner?.start()
  }

  /** Old records; undefined for what has been overwritten in the log, and lies in an object by now. */
  async load(wanted: Load): Promise<Loaded | 'crowded' | undefined> {
    if (wanted.type === 'stream') return this.#answers.find(wanted.stream, wanted.offset, wanted.bytesMax, wanted.isPatient)
    return this.#answers.ofLog(wanted.ranges, wanted.isPatient, (ranges) => this.ranges(ranges))
  }

  /** Batches of the write-ahead log; undefined when one of them has been overwritten. */
  async ranges(ranges: readonly WalRange[]): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const { pipeline } = this.#options
    return pipeline.log === undefined ? readRanges(this.jobs, pipeline, ranges) : copyRanges(pipeline.log, pipeline.stored, ranges)
  }

  /** What was loaded is no longer read. */
  giveBack(pin: number): void {
    this.#answers.giveBack(pin)
  }

  /** Where the store is elsewhere, it gets what is durable before the node ends; what does not get there in time stays in the log. */
  async drain(withinMs: number): Promise<void> {
    if (this.#options.location.scheme === 'file' || this.#keeper === undefined) return
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, withinMs)))
    await Promise.race([this.#keeper.drain(), late]).finally(() => clearTimeout(timer))
  }

  async stop(): Promise<void> {
    await Promise.all([this.#keeper?.stop(), this.#janitor?.stop(), this.#compactor?.stop(), this.#cleaner?.stop()])
  }

  close(): Promise<void> {
    return this.jobs.close()
  }
}
