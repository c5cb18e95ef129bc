import type { SerialQueue } from '../../src/actor/serial-queue.ts'
import type { CleanupSettings, TopicConfigs } from '../../src/config/topic-configs.ts'
import type { Controller } from '../../src/controller/controller.ts'
import type { TopicImage } from '../../src/metadata/image.ts'
import { committed } from '../../src/metadata/object-records.ts'
import { ActiveSegments } from '../../src/objects/compaction/active-segments.ts'
import { type Cleaning, cleaningOf, dirtiest, grouped } from '../../src/objects/compaction/cleaning-plan.ts'
import type { ObjectMap } from '../../src/objects/object-map.ts'
import type { StoreFault } from '../../src/ports/object-store.ts'
import type { PartitionId } from '../../src/ports/partitions.ts'
import type { ProducerSnapshot } from '../../src/ports/producers.ts'
import type { StoredPart } from '../../src/ports/stored-objects.ts'
import { crashPoint } from '../process/crash-point.ts'
import type { CleanedObjects } from '../store/clean-objects.ts'
import { type BuiltObject, type ObjectJobs, StoreFailed } from '../threads/object-jobs.ts'
import type { Pipeline } from '../threads/pipeline.ts'
import type { ObjectIds } from './object-ids.ts'
import { PeriodicTask } from './periodic-task.ts'

/** Maximum total size of the sources that are merged into one object. */
const groupBytesMax = 128 << 20
/** Minimum size of the map of keys: below it, a round reads far more than it compacts. */
const mapBytesMin = 1 << 20
/** Pause for a partition after a fault of the store, so that others are compacted. */
const faultRestMs = 60_000
const delayMsMax = 2 ** 31 - 1

export interface CleanerSettings {
  readonly backoffMs: () => number
  readonly bufferBytes: () => number
  limitsOf(configs: TopicConfigs): CleanupSettings
}

export interface CleanerParts extends CleanerSettings {
  readonly controller: Controller
  readonly pipeline: Pipeline
  readonly jobs: ObjectJobs
  readonly ids: ObjectIds
  readonly objects: ObjectMap
  /** Shared with the other tasks that rewrite objects. */
  readonly turn: SerialQueue
  /** Wall clock. */
  now(): number
  /** Timestamp of the batches at an offset, or of the first stored ones after it. */
  firstTimestamp(partitionId: PartitionId, offset: number): Promise<number | undefined>
  /** Resolves when all records that are durable now are stored, or the store has failed. */
  storeAll(): Promise<void>
  /** These objects may be in the store, and will never be committed. */
  onAbandoned(objectIds: readonly number[]): void
  onCleaned(partitionId: PartitionId, read: number, written: number): void
  onFault(fault: StoreFault): void
  /** The node cannot continue. */
  onFailure(error: Error): void
}

/**
 * Compacts partitions by key (`cleanup.policy=compact`), the dirtiest first, as long as one is worthwhile; then pauses. New objects are in
 * the store before one frame of the metadata log commits them. The same frame removes the partition from the old objects and records the
 * end offset of the compaction.
 */
export class LogCleaner {
  readonly #parts: CleanerParts
  readonly #segments = new ActiveSegments()
  readonly #restingUntil = new Map<PartitionId, number>()
  readonly #end = new AbortController()
  readonly #rounds: PeriodicTask
  #timer: NodeJS.Timeout | undefined

  constructor(parts: CleanerParts) {
    this.#parts = parts
    this.#rounds = new PeriodicTask(() => this.#work(), parts.onFailure)
  }

  start(): void {
    const wait = Math.min(Math.max(1, this.#parts.backoffMs()), delayMsMax)
    this.#timer = setTimeout(() => {
      void this.#rounds.now().then(() => {
        if (!this.#isStopping) this.start()
      })
    }, wait).unref()
  }

  async stop(): Promise<void> {
    this.#end.abort()
    clearTimeout(this.#timer)
    await this.#rounds.stop()
  }

  get #isStopping(): boolean {
    return this.#end.signal.aborted
  }

  /** Resolves when no compaction is worthwhile any more. */
  async #work(): Promise<void> {
    await this.#endSegments()
    while (!this.#isStopping && (await this.#parts.turn.run(() => this.#cleanFilthiest())));
  }

  #compacted(): { readonly partitionId: PartitionId; readonly limits: CleanupSettings }[] {
    const topics: TopicImage[] = [...this.#parts.controller.image.topics.values()]
    return topics.flatMap(({ configs, partitionIds }) => {
      const limits = this.#parts.limitsOf(configs)
      return limits.compacts ? partitionIds.map((partitionId) => ({ partitionId, limits })) : []
    })
  }

  async #endSegments(): Promise<void> {
    const { pipeline, now, storeAll } = this.#parts
    const compacted = this.#compacted()
    this.#segments.retain(new Set(compacted.map(({ partitionId }) => partitionId)))
    let isDue = false
    for (const { partitionId, limits } of compacted) {
      const extent = await pipeline.ask({ type: 'extent', partitionId })
      if (extent.type === 'extent' && this.#segments.isDue(partitionId, extent, limits, now())) isDue = true
    }
    if (isDue && !this.#isStopping) await storeAll()
  }

  /** Returns false when there is nothing to do. */
  async #cleanFilthiest(): Promise<boolean> {
    const found: Cleaning[] = []
    for (const { partitionId, limits } of this.#compacted()) {
      const cleaning = await this.#orRest(partitionId, () => this.#cleaningOf(partitionId, limits))
      if (cleaning !== undefined) found.push(cleaning)
    }
    const worst = dirtiest(found)
    if (worst === undefined || this.#isStopping) return false
    await this.#orRest(worst.partitionId, () => this.#clean(worst))
    return true
  }

  /** Returns undefined when the store fails. */
  async #orRest<T>(partitionId: PartitionId, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof StoreFailed)) throw error
      this.#parts.onFault(error.fault)
      this.#restingUntil.set(partitionId, performance.now() + faultRestMs)
      return undefined
    }
  }

  async #cleaningOf(partitionId: PartitionId, limits: CleanupSettings): Promise<Cleaning | undefined> {
    const { controller, objects, now, firstTimestamp } = this.#parts
    const known = controller.image.partitions.get(partitionId)
    if (known === undefined || (this.#restingUntil.get(partitionId) ?? 0) > performance.now()) return undefined
    this.#restingUntil.delete(partitionId)
    const logStart = Number(known.logStartOffset)
    const cleaned = Number(controller.image.cleaned.get(partitionId) ?? 0n)
    const parts = objects.from(partitionId, logStart)
    if ((parts.at(-1)?.end ?? 0) <= Math.max(cleaned, logStart)) return undefined
    const hasLimit = limits.maxCompactionLagMs < Number.MAX_SAFE_INTEGER
    const first = hasLimit ? await firstTimestamp(partitionId, Math.max(cleaned, logStart)) : undefined
    const dirtySince = first === undefined || first <= 0 ? Number.POSITIVE_INFINITY : first
    return cleaningOf({ partitionId, parts, logStart, cleaned, limits, dirtySince, nowMs: now() })
  }

  async #clean(cleaning: Cleaning): Promise<void> {
    const taken: number[] = []
    let done: CleanedObjects | undefined
    try {
      const groups = grouped(cleaning.parts, groupBytesMax).length
      while (taken.length < groups) taken.push(await this.#parts.ids.take())
      done = await this.#write(cleaning, taken)
    } catch (error) {
      this.#parts.onAbandoned(taken)
      if (this.#isStopping) return
      throw error
    }
    if (done === undefined) return this.#parts.onAbandoned(taken)
    crashPoint('cleaning written')
    await this.#commit(cleaning, taken, done)
  }

  /** Undefined when the topic has been deleted. */
  async #write({ partitionId, parts, dirtyFrom }: Cleaning, objectIds: readonly number[]): Promise<CleanedObjects | undefined> {
    const { controller, pipeline, jobs, now, bufferBytes, limitsOf } = this.#parts
    const snapshot = await pipeline.ask({ type: 'producers' })
    const found = controller.image.partitions.get(partitionId)
    if (found === undefined) return undefined
    const { logStartOffset, topicId } = found
    const known = snapshot.type === 'producers' ? snapshot.partitions.find(([id]) => id === partitionId)?.[1] : undefined
    const task = {
      partitionId,
      logStart: Number(logStartOffset),
      dirtyFrom,
      mapBytes: Math.max(mapBytesMin, bufferBytes()),
      groupBytesMax,
      nowMs: now(),
      deleteRetentionMs: limitsOf(controller.image.topicsById.get(topicId)!.configs).deleteRetentionMs,
      producers: new Map((known ?? []).map((producer) => [producer.id, lastOffsetOf(producer)])),
    }
    return jobs.clean(objectIds, parts, task, this.#end.signal)
  }

  async #commit({ partitionId, parts }: Cleaning, taken: readonly number[], { end, replaced, outputs }: CleanedObjects): Promise<void> {
    const { controller, objects, ids, onAbandoned, onCleaned } = this.#parts
    const { image } = controller
    const made = outputs.map((object, index) => ({ objectId: taken[index]!, object }))
    const isThere = (each: (typeof made)[number]): each is Made => each.object !== undefined
    const stored = made.filter(isThere)
    if (!image.partitions.has(partitionId)) return onAbandoned(taken)
    onAbandoned(made.filter((each) => !isThere(each)).map(({ objectId }) => objectId))
    for (const objectId of taken.slice(outputs.length).reverse()) ids.giveBack(objectId)
    // Retention may have removed some of them in the meantime, which does not matter.
    const old = parts.slice(0, replaced).filter(({ objectId }) => image.objects.has(objectId))
    const isAlone = ({ objectId }: StoredPart): boolean =>
      image.objects.get(objectId)!.parts.every((part) => part.partitionId === partitionId)
    const idsOf = (of: readonly StoredPart[]): number[] => of.map(({ objectId }) => objectId)
    await controller.ask({
      type: 'record',
      records: [
        ...stored.map(({ objectId, object }) => committed(objectId, object)),
        { type: 'objectsMarked', objectIds: idsOf(old.filter(isAlone)) },
        { type: 'partitionCleaned', partitionId, offset: BigInt(end), objectIds: idsOf(old) },
      ],
    })
    crashPoint('cleaning committed')
    for (const { objectId } of parts.slice(0, replaced)) objects.drop({ objectId, parts: [{ partitionId }] })
    for (const { objectId, object } of stored) objects.add({ objectId, ...object })
    if (!image.partitions.has(partitionId)) objects.forget(partitionId)
    const bytesOf = (of: readonly { readonly bytes: number }[]): number => of.reduce((sum, { bytes }) => sum + bytes, 0)
    onCleaned(partitionId, bytesOf(parts.slice(0, replaced)), bytesOf(stored.map(({ object }) => object)))
  }
}

interface Made {
  readonly objectId: number
  readonly object: NonNullable<BuiltObject>
}

/** Sequence numbers wrap. */
function lastOffsetOf({ batches }: ProducerSnapshot): number {
  const last = batches.at(-1)
  return last === undefined ? -1 : last.baseOffset + ((last.lastSequence - last.firstSequence) & 0x7fffffff)
}
