import { setTimeout as pause } from 'node:timers/promises'
import { SerialQueue } from '../../src/actor/serial-queue.ts'
import type { Controller } from '../../src/controller/controller.ts'
import type { Image } from '../../src/metadata/image.ts'
import { MetricBlock } from '../../src/metrics/rows.ts'
import { compactionLimits } from '../../src/objects/compaction/compaction-plan.ts'
import type { ObjectKeys } from '../../src/objects/object-key.ts'
import { ObjectMap } from '../../src/objects/object-map.ts'
import { storageMetrics } from '../../src/objects/object-read-metrics.ts'
import { localPolicy, remotePolicy } from '../../src/objects/upload-policy.ts'
import { kernelBytes } from '../../src/pipeline/kernel/kernel.ts'
import type { ColdRead, Loaded, WalRange } from '../../src/ports/cold-reads.ts'
import type { StoreFault, StoreLocation } from '../../src/ports/object-store.ts'
import type { LostRange, PartitionId } from '../../src/ports/partitions.ts'
import type { ProducersHome } from '../../src/ports/producers.ts'
import { alignBlock } from '../../src/wal/wal-record.ts'
import type { BudgetData } from '../store/shared-store.ts'
import { createArena, openArena } from '../threads/arena.ts'
import { ObjectJobs } from '../threads/object-jobs.ts'
import type { Pipeline } from '../threads/pipeline.ts'
import { copyRanges, readRanges } from '../threads/wal-reads.ts'
import { ColdFetches } from './cold-fetches.ts'
import { type CleanerSettings, LogCleaner } from './log-cleaner.ts'
import { LogUploader } from './log-uploader.ts'
import { ObjectCompactor } from './object-compactor.ts'
import { ObjectGc } from './object-gc.ts'
import { ObjectIds } from './object-ids.ts'
import { ObjectReader } from './object-reader.ts'

export interface StorageOptions {
  /** Entry of the object workers. */
  readonly worker: string
  readonly location: StoreLocation
  readonly keys: ObjectKeys
  readonly pipeline: Pipeline
  readonly image: Image
  readonly blockCacheBytes: number
  /** Budget for remote stores. */
  readonly budget: BudgetData | null
  /** Null: the default of the upload policy. */
  readonly uploadThresholdBytes: number | null
  readonly uploadIntervalMs: number | null
  readonly deleteRetentionMs: number
  readonly producers: ProducersHome
  /** See `NodeLogs`. */
  readonly confirm: () => Promise<void>
  /** Null: no compaction by key. */
  readonly cleaner: CleanerSettings | null
  /** Wall clock. */
  now(): number
  readonly onEvent: StorageEvents
}

export interface StorageEvents {
  stored(objectId: number, bytes: number): void
  removed(why: string, count: number): void
  /** Objects were merged. */
  compacted(replaced: number, outputs: number, bytes: number): void
  /** A partition was compacted by key; bytes before and after. */
  cleaned(partitionId: PartitionId, read: number, written: number): void
  /** A reader of this node found records missing, and continues after them. */
  missing(error: RecordsMissing): void
  /** Fault of the store; the request is repeated. */
  fault(fault: StoreFault): void
  /** The node cannot continue. */
  failed(error: Error): void
}

/** Minimum age of an object without metadata before it counts as left over. On a disk it is 0, since no other node writes there. */
const orphanMs = { file: 0, mem: 0, s3: 3_600_000 } as const

/** Delay of an empty answer for removed records, after which the client fetches again. */
const emptyMs = 100

/** Neither the WAL nor an object contains records that were acknowledged, and their loss has not been accepted. */
export class RecordsMissing extends Error {
  constructor(partitionId: PartitionId, offset: number) {
    super(`partition ${partitionId} has no records at offset ${offset}: neither the write-ahead log nor an object contains them`)
  }
}

/** Storage beyond the WAL: uploads, reads and removals of objects, for all kinds of stores. */
export class ObjectStorage {
  readonly objects = new ObjectMap()
  readonly jobs: ObjectJobs
  readonly cold: ObjectReader
  readonly #options: StorageOptions
  readonly #values: Float64Array
  readonly #answers: ColdFetches
  #keeper: LogUploader | undefined
  #janitor: ObjectGc | undefined
  #compactor: ObjectCompactor | undefined
  #cleaner: LogCleaner | undefined

  constructor(options: StorageOptions) {
    const { worker, keys, location, pipeline, image, blockCacheBytes } = options
    this.#options = options
    for (const object of image.objects.values()) this.objects.add(object)
    const base = alignBlock(kernelBytes)
    const memory = openArena(createArena(Math.ceil((base + blockCacheBytes) / 65536)))
    const workerData = { store: location, blocks: memory.memory, log: pipeline.log ?? null }
    this.jobs = new ObjectJobs(worker, keys, workerData, options.budget, pipeline.wal)
    this.#values = new Float64Array(Object.keys(storageMetrics).length)
    const counters = new MetricBlock(storageMetrics, this.#values)
    const { objects, jobs } = this
    this.cold = new ObjectReader({ objects, jobs, memory, base, bytes: blockCacheBytes, now: () => performance.now(), counters })
    this.#answers = new ColdFetches(this.cold, () => pipeline.tellNetwork({ type: 'pressed' }))
    pipeline.tellNetwork({ type: 'blocks', memory: memory.memory })
  }

  get counters(): { readonly table: typeof storageMetrics; readonly values: Float64Array } {
    return { table: storageMetrics, values: this.#values }
  }

  /** Starts uploads and removals. */
  start(controller: Controller): void {
    const { keys, location, pipeline, producers, deleteRetentionMs, uploadThresholdBytes, uploadIntervalMs, cleaner, now, onEvent } =
      this.#options
    const { jobs, objects } = this
    const { capacity } = pipeline.wal.state
    const isLocal = location.scheme === 'file' && uploadThresholdBytes === null
    const own = { controller, jobs, objects, onFault: onEvent.fault, onFailure: onEvent.failed }
    const ids = new ObjectIds(controller)
    const turn = new SerialQueue()
    const janitor = new ObjectGc({
      ...own,
      confirm: this.#options.confirm,
      keys,
      retentionMs: deleteRetentionMs,
      orphanMs: orphanMs[location.scheme],
      onRemoved: onEvent.removed,
    })
    const common = { ...own, ids, onAbandoned: (objectIds: readonly number[]) => janitor.abandon(objectIds) }
    this.#keeper = new LogUploader({
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
        firstTimestamp: (partitionId, offset) => this.cold.firstTimestamp(partitionId, offset),
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

  /**
   * Cold records; undefined if there are none any more, and the client must fetch again. Throws `RecordsMissing` for records that neither
   * an object nor the WAL contains.
   */
  async load(wanted: ColdRead): Promise<Loaded | 'outOfMemory' | undefined> {
    if (wanted.type === 'ranges') return this.#ofLog(wanted.ranges, wanted.isPatient)
    const { partitionId, offset, bytesMax, isPatient } = wanted
    const gap = this.gapAt(partitionId, offset)
    if (gap === 'missing') throw new RecordsMissing(partitionId, offset)
    const found = gap === undefined ? await this.#answers.find(partitionId, offset, bytesMax, isPatient) : undefined
    return found ?? this.#behind(partitionId, offset, bytesMax, isPatient)
  }

  /**
   * State of an offset that the WAL no longer contains and objects lack: `known` if the reason is recorded, `missing` otherwise. Undefined
   * if an object contains it, or if the partition is deleted or starts after it by now.
   */
  gapAt(partitionId: PartitionId, offset: number): 'known' | 'missing' | undefined {
    const { image } = this.#options
    const known = image.partitions.get(partitionId)
    const part = this.objects.from(partitionId, offset)[0]
    if (known === undefined || offset < known.logStartOffset || (part !== undefined && part.start <= offset)) return undefined
    // Compaction by key leaves gaps where it has removed records, also at the ends of objects.
    if (offset < (image.cleaned.get(partitionId) ?? 0n)) return 'known'
    return image.lost.get(partitionId)?.some(({ start, end }) => offset >= start && offset < end) === true ? 'known' : 'missing'
  }

  lostOf(partitionId: PartitionId): readonly LostRange[] {
    return this.#options.image.lost.get(partitionId) ?? []
  }

  /** Called for a read that continues after a gap: reports a gap that should not exist. */
  noteGap(partitionId: PartitionId, offset: number): void {
    if (this.gapAt(partitionId, offset) === 'missing') this.#options.onEvent.missing(new RecordsMissing(partitionId, offset))
  }

  /**
   * Records after a known gap: from the next object, or else from the WAL. An empty answer is delayed, so that a client does not retry at
   * once.
   */
  async #behind(
    partitionId: PartitionId,
    offset: number,
    bytesMax: number,
    isPatient: boolean,
  ): Promise<Loaded | 'outOfMemory' | undefined> {
    const stored = await this.#answers.find(partitionId, offset, bytesMax, isPatient)
    if (stored !== undefined) return stored
    const reply = await this.#options.pipeline.ask({ type: 'places', partitionId, from: offset, bytesMax })
    if (reply.type === 'places' && reply.places.length > 0) return this.#ofLog(reply.places, isPatient)
    await pause(emptyMs)
    return undefined
  }

  #ofLog(ranges: readonly WalRange[], isPatient: boolean): Promise<Loaded | 'outOfMemory' | undefined> {
    return this.#answers.ofLog(ranges, isPatient, (wanted) => this.ranges(wanted))
  }

  /** Batches of the WAL; undefined when one of them has been overwritten. */
  async ranges(ranges: readonly WalRange[]): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const { pipeline } = this.#options
    return pipeline.log === undefined ? readRanges(this.jobs, pipeline, ranges) : copyRanges(pipeline.log, pipeline.stored, ranges)
  }

  /** The result of `load` is no longer in use. */
  giveBack(pin: number): void {
    this.#answers.giveBack(pin)
  }

  /** Uploads all durable records to a remote store before the node ends. Records that are not uploaded in time stay in the WAL. */
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
