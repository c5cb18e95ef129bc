import { SerialQueue } from '../actor/serial-queue.ts'
import { MetricBlock } from '../metrics/rows.ts'
import { type CompactionLimits, compactionLimits } from '../objects/compaction/compaction-plan.ts'
import type { ObjectKeys } from '../objects/object-key.ts'
import { ObjectMap } from '../objects/object-map.ts'
import { storageMetrics } from '../objects/object-read-metrics.ts'
import { localPolicy, remotePolicy, type SealPolicy } from '../objects/upload-policy.ts'
import type { ColdRead, Loaded, WalRange } from '../ports/cold-reads.ts'
import type { Lanes } from '../ports/lanes.ts'
import type { BlockMemory, ObjectJobs } from '../ports/object-jobs.ts'
import type { StoreFault, StoreLocation } from '../ports/object-store.ts'
import type { LostRange, PartitionId } from '../ports/partitions.ts'
import type { ProducersHome } from '../ports/producers.ts'
import type { StorageMetadata, StorageView } from '../ports/storage-metadata.ts'
import type { StorageStep } from '../ports/storage-steps.ts'
import { delay, type Time } from '../ports/time.ts'
import { ColdFetches } from './cold-fetches.ts'
import { type CleanerSettings, LogCleaner } from './log-cleaner.ts'
import { LogUploader } from './log-uploader.ts'
import { ObjectCompactor } from './object-compactor.ts'
import { ObjectGc } from './object-gc.ts'
import { ObjectIds } from './object-ids.ts'
import { ObjectReader } from './object-reader.ts'

export interface StorageOptions {
  readonly keys: ObjectKeys
  readonly lanes: Lanes
  readonly jobs: ObjectJobs
  /** The block cache. */
  readonly memory: BlockMemory
  readonly image: StorageView
  readonly time: Time
  readonly rules: StorageRules
  readonly deleteRetentionMs: number
  readonly producers: ProducersHome
  /** See `NodeLogs`. */
  readonly confirm: () => Promise<void>
  /** Null: no compaction by key. */
  readonly cleaner: CleanerSettings | null
  readonly onEvent: StorageEvents
}

/** What depends on the kind of the store. */
export interface StorageRules {
  /** `capacity` is that of the WAL. */
  uploads(capacity: number): SealPolicy
  readonly compaction: CompactionLimits
  /** Minimum age of an object without metadata before it counts as left over. */
  readonly orphanMs: number
  /** All records are uploaded before the node ends. */
  readonly drainsAtStop: boolean
}

/** On a disk, an object without metadata counts as left over at once, since no other node writes there. */
const orphanMs = { file: 0, mem: 0, s3: 3_600_000 } as const

/** Null: the default of the upload policy. */
export function storageRules(
  { scheme }: StoreLocation,
  uploads: { readonly thresholdBytes: number | null; readonly intervalMs: number | null },
): StorageRules {
  const { thresholdBytes, intervalMs } = uploads
  return {
    uploads: (capacity) =>
      scheme === 'file' && thresholdBytes === null ? localPolicy(capacity) : remotePolicy(capacity, thresholdBytes, intervalMs),
    compaction: compactionLimits(scheme === 'file'),
    orphanMs: orphanMs[scheme],
    drainsAtStop: scheme !== 'file',
  }
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
  /** A read waits for memory that answers occupy; called every second while any waits. */
  pressed(): void
  /** A durable step is done; see `StorageStep`. */
  step(step: StorageStep): void
  /** Fault of the store; the request is repeated. */
  fault(fault: StoreFault): void
  /** The node cannot continue. */
  failed(error: Error): void
}

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
  readonly objects: ObjectMap
  readonly cold: ObjectReader
  readonly #options: StorageOptions
  readonly #values: Float64Array
  readonly #fetches: ColdFetches
  /** By lane; empty until the start. */
  #uploaders: readonly LogUploader[] = []
  #gc: ObjectGc | undefined
  #compactor: ObjectCompactor | undefined
  #cleaner: LogCleaner | undefined

  constructor(options: StorageOptions) {
    const { jobs, memory, image, time, onEvent } = options
    this.#options = options
    this.objects = new ObjectMap((partitionId) => image.partition(partitionId)?.logStart)
    for (const object of image.objects()) this.objects.add(object)
    this.#values = new Float64Array(Object.keys(storageMetrics).length)
    const counters = new MetricBlock(storageMetrics, this.#values)
    this.cold = new ObjectReader({ objects: this.objects, jobs, memory, time, counters })
    this.#fetches = new ColdFetches({ cold: this.cold, jobs, memory, time, onPressure: onEvent.pressed })
  }

  get counters(): { readonly table: typeof storageMetrics; readonly values: Float64Array } {
    return { table: storageMetrics, values: this.#values }
  }

  /** Starts uploads and removals. */
  start(metadata: StorageMetadata): void {
    const { keys, lanes, jobs, time, rules, producers, deleteRetentionMs, confirm, cleaner, onEvent } = this.#options
    const { objects } = this
    const own = { metadata, jobs, objects, time, onStep: onEvent.step, onFault: onEvent.fault, onFailure: onEvent.failed }
    const ids = new ObjectIds(metadata)
    const turn = new SerialQueue()
    const { orphanMs } = rules
    const gc = new ObjectGc({ ...own, confirm, keys, retentionMs: deleteRetentionMs, orphanMs, onRemoved: onEvent.removed })
    const common = { ...own, ids, onAbandoned: (objectIds: readonly number[]) => gc.abandon(objectIds) }
    const compactor = new ObjectCompactor({ ...common, turn, limits: rules.compaction, onCompacted: onEvent.compacted })
    const uploaders = lanes.all.map(
      (lane) =>
        new LogUploader({
          ...common,
          lane,
          isOwn: (partitionId) => lanes.of(partitionId) === lane,
          policy: rules.uploads(lane.wal.state.capacity),
          producers,
          onStored: (objectId, bytes) => {
            onEvent.stored(objectId, bytes)
            compactor.hasNews()
          },
        }),
    )
    if (cleaner !== null) {
      this.#cleaner = new LogCleaner({
        ...common,
        ...cleaner,
        lanes,
        turn,
        firstTimestamp: (partitionId, offset) => this.cold.firstTimestamp(partitionId, offset),
        storeAll: ({ index }) => uploaders[index]!.drain(),
        onCleaned: onEvent.cleaned,
      })
    }
    this.#gc = gc
    this.#compactor = compactor
    this.#uploaders = uploaders
    for (const uploader of uploaders) uploader.start()
    gc.start()
    compactor.start()
    this.#cleaner?.start()
  }

  /**
   * Cold records; undefined if there are none any more, and the client must fetch again. Throws `RecordsMissing` for records that neither
   * an object nor the WAL contains.
   */
  async load(requested: ColdRead): Promise<Loaded | 'outOfMemory' | undefined> {
    if (requested.type === 'ranges') return this.#fetches.ofLog(requested.lane, requested.ranges, requested.mayWait)
    const { partitionId, offset, bytesMax, mayWait } = requested
    // Parts below the log start are not mapped any more: the records found would be others than those requested.
    if (offset < (this.#options.image.partition(partitionId)?.logStart ?? 0)) return this.#nothing()
    const gap = this.gapAt(partitionId, offset)
    if (gap === 'missing') throw new RecordsMissing(partitionId, offset)
    const found = gap === undefined ? await this.#fetches.find(partitionId, offset, bytesMax, mayWait) : undefined
    return found ?? this.#behind(partitionId, offset, bytesMax, mayWait)
  }

  /**
   * State of an offset that the WAL no longer contains and objects lack: `known` if the reason is recorded, `missing` otherwise. Undefined
   * if an object contains it, or if the partition is deleted or starts after it by now.
   */
  gapAt(partitionId: PartitionId, offset: number): 'known' | 'missing' | undefined {
    const known = this.#options.image.partition(partitionId)
    const part = this.objects.first(partitionId, offset)
    if (known === undefined || offset < known.logStart || (part !== undefined && part.start <= offset)) return undefined
    // Compaction by key leaves gaps where it has removed records, also at the ends of objects.
    if (offset < known.cleaned) return 'known'
    return known.lost.some(({ start, end }) => offset >= start && offset < end) ? 'known' : 'missing'
  }

  lostOf(partitionId: PartitionId): readonly LostRange[] {
    return this.#options.image.partition(partitionId)?.lost ?? []
  }

  /** Called for a read that continues after a gap: reports a gap that should not exist. */
  noteGap(partitionId: PartitionId, offset: number): void {
    if (this.gapAt(partitionId, offset) === 'missing') this.#options.onEvent.missing(new RecordsMissing(partitionId, offset))
  }

  /** Records after a known gap: from the next object, or else from the WAL. */
  async #behind(partitionId: PartitionId, offset: number, bytesMax: number, mayWait: boolean): Promise<Loaded | 'outOfMemory' | undefined> {
    const stored = await this.#fetches.find(partitionId, offset, bytesMax, mayWait)
    if (stored !== undefined) return stored
    const lane = this.#options.lanes.of(partitionId)
    const reply = await lane.call({ type: 'places', partitionId, from: offset, bytesMax })
    if (reply.type === 'places' && reply.places.length > 0) return this.#fetches.ofLog(lane.index, reply.places, mayWait)
    return this.#nothing()
  }

  /** An empty answer, which is delayed so that a client does not retry at once. */
  async #nothing(): Promise<undefined> {
    await delay(this.#options.time, emptyMs)
    return undefined
  }

  /** Batches of the WAL of a lane; undefined when one of them has been overwritten. */
  ranges(lane: number, ranges: readonly WalRange[]): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return this.#options.jobs.readWal(lane, ranges)
  }

  /** The result of `load` is no longer in use. */
  release(pin: number): void {
    this.#fetches.release(pin)
  }

  /** Uploads all durable records to a remote store before the node ends. Records that are not uploaded in time stay in the WAL. */
  async drain(withinMs: number): Promise<void> {
    const { rules, time } = this.#options
    if (!rules.drainsAtStop) return
    let cancel = (): void => {}
    const late = new Promise<void>((resolve) => {
      cancel = time.after(withinMs, resolve)
    })
    await Promise.race([Promise.all(this.#uploaders.map((uploader) => uploader.drain())), late]).finally(cancel)
  }

  /** Uploads all durable records, to every kind of store, and waits for a store that fails. For a node without clients. */
  async storeAll(): Promise<void> {
    await Promise.all(this.#uploaders.map((uploader) => uploader.storeAll()))
  }

  async stop(): Promise<void> {
    await Promise.all([
      ...this.#uploaders.map((uploader) => uploader.stop()),
      this.#gc?.stop(),
      this.#compactor?.stop(),
      this.#cleaner?.stop(),
    ])
  }
}
