import { PeriodicTask } from '../actor/periodic-task.ts'
import type { SerialQueue } from '../actor/serial-queue.ts'
import type { CleanupSettings, TopicConfigs } from '../config/topic-configs.ts'
import { StoreFailed } from '../object-store/store-faults.ts'
import { ActiveSegments } from '../objects/compaction/active-segments.ts'
import { type Cleaning, cleaningOf, dirtiest, grouped } from '../objects/compaction/cleaning-plan.ts'
import type { ObjectMap } from '../objects/object-map.ts'
import type { Lane } from '../ports/lane.ts'
import type { Lanes } from '../ports/lanes.ts'
import type { CleanedObjects, ObjectJobs } from '../ports/object-jobs.ts'
import type { StoreFault } from '../ports/object-store.ts'
import type { PartitionId } from '../ports/partitions.ts'
import type { ProducerSnapshot } from '../ports/producers.ts'
import type { NewObject, StorageMetadata } from '../ports/storage-metadata.ts'
import type { StorageStep } from '../ports/storage-steps.ts'
import type { Time } from '../ports/time.ts'
import type { ObjectIds } from './object-ids.ts'

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
  readonly metadata: StorageMetadata
  readonly lanes: Lanes
  readonly time: Time
  readonly jobs: ObjectJobs
  readonly ids: ObjectIds
  readonly objects: ObjectMap
  /** Shared with the other tasks that rewrite objects. */
  readonly turn: SerialQueue
  /** Timestamp of the batches at an offset, or of the first stored ones after it. */
  firstTimestamp(partitionId: PartitionId, offset: number): Promise<number | undefined>
  /** Resolves when all records of the lane that are durable now are stored, or the store has failed. */
  storeAll(lane: Lane): Promise<void>
  /** These objects may be in the store, and will never be committed. */
  onAbandoned(objectIds: readonly number[]): void
  onCleaned(partitionId: PartitionId, read: number, written: number): void
  onStep(step: StorageStep): void
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
  #cancel: () => void = () => {}

  constructor(parts: CleanerParts) {
    this.#parts = parts
    this.#rounds = new PeriodicTask(parts.time, () => this.#work(), parts.onFailure)
  }

  start(): void {
    const wait = Math.min(Math.max(1, this.#parts.backoffMs()), delayMsMax)
    this.#cancel = this.#parts.time.after(wait, () => {
      void this.#rounds.now().then(() => {
        if (!this.#isStopping) this.start()
      })
    })
  }

  async stop(): Promise<void> {
    this.#end.abort()
    this.#cancel()
    await this.#rounds.stop()
  }

  get #isStopping(): boolean {
    return this.#end.signal.aborted
  }

  /** Resolves when no compaction is worthwhile any more. */
  async #work(): Promise<void> {
    await this.#endSegments()
    while (!this.#isStopping && (await this.#parts.turn.run(() => this.#cleanDirtiest())));
  }

  #compacted(): { readonly partitionId: PartitionId; readonly limits: CleanupSettings }[] {
    return [...this.#parts.metadata.topics()].flatMap(({ configs, partitionIds }) => {
      const limits = this.#parts.limitsOf(configs)
      return limits.compacts ? partitionIds.map((partitionId) => ({ partitionId, limits })) : []
    })
  }

  async #endSegments(): Promise<void> {
    const { lanes, time, storeAll } = this.#parts
    const compacted = this.#compacted()
    this.#segments.retain(new Set(compacted.map(({ partitionId }) => partitionId)))
    const due = new Set<Lane>()
    for (const { partitionId, limits } of compacted) {
      const lane = lanes.of(partitionId)
      const stats = await lane.call({ type: 'walStats', partitionId, from: 0 })
      if (stats.type === 'walStats' && this.#segments.isDue(partitionId, stats, limits, time.wall())) due.add(lane)
    }
    for (const lane of due) if (!this.#isStopping) await storeAll(lane)
  }

  /** Returns false when there is nothing to do. */
  async #cleanDirtiest(): Promise<boolean> {
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
      this.#rest(partitionId)
      return undefined
    }
  }

  #rest(partitionId: PartitionId): void {
    this.#restingUntil.set(partitionId, this.#parts.time.monotonic() + faultRestMs)
  }

  async #cleaningOf(partitionId: PartitionId, limits: CleanupSettings): Promise<Cleaning | undefined> {
    const { metadata, objects, time, firstTimestamp } = this.#parts
    const known = metadata.partition(partitionId)
    if (known === undefined || (this.#restingUntil.get(partitionId) ?? 0) > time.monotonic()) return undefined
    this.#restingUntil.delete(partitionId)
    const { logStart, cleaned } = known
    if (objects.end(partitionId) <= Math.max(cleaned, logStart)) return undefined
    const parts = objects.from(partitionId, logStart)
    const hasLimit = limits.maxCompactionLagMs < Number.MAX_SAFE_INTEGER
    const first = hasLimit ? await firstTimestamp(partitionId, Math.max(cleaned, logStart)) : undefined
    const dirtySince = first === undefined || first <= 0 ? Number.POSITIVE_INFINITY : first
    return cleaningOf({ partitionId, parts, logStart, cleaned, limits, dirtySince, nowMs: time.wall() })
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
    this.#parts.onStep('cleaning written')
    await this.#commit(cleaning, taken, done)
  }

  /** Undefined when the topic has been deleted. */
  async #write({ partitionId, parts, dirtyFrom }: Cleaning, objectIds: readonly number[]): Promise<CleanedObjects | undefined> {
    const { metadata, lanes, jobs, time, bufferBytes, limitsOf } = this.#parts
    const reply = await lanes.of(partitionId).call({ type: 'producersOf', partitionId })
    const found = metadata.partition(partitionId)
    if (found === undefined) return undefined
    if (reply.type !== 'producersOf') {
      // Without its producers, a batch that must remain could be removed.
      this.#rest(partitionId)
      return undefined
    }
    const rules = {
      partitionId,
      logStart: found.logStart,
      dirtyFrom,
      mapBytes: Math.max(mapBytesMin, bufferBytes()),
      groupBytesMax,
      nowMs: time.wall(),
      deleteRetentionMs: limitsOf(metadata.topic(found.topicId)!.configs).deleteRetentionMs,
      producers: new Map(reply.producers.map((producer) => [producer.id, lastOffsetOf(producer)])),
    }
    return jobs.clean(objectIds, parts, rules, this.#end.signal)
  }

  async #commit({ partitionId, parts }: Cleaning, taken: readonly number[], { end, replaced, outputs }: CleanedObjects): Promise<void> {
    const { metadata, objects, ids, onAbandoned, onCleaned, onStep } = this.#parts
    const added: NewObject[] = []
    const empty: number[] = []
    for (const [index, object] of outputs.entries()) {
      if (object === undefined) empty.push(taken[index]!)
      else added.push({ objectId: taken[index]!, ...object })
    }
    const old = parts.slice(0, replaced)
    const committed = await metadata.replaceCleaned({ partitionId, end, replaced: old.map(({ objectId }) => objectId), added })
    if (committed === 'rejected') return onAbandoned(taken)
    onStep('cleaning committed')
    onAbandoned(empty)
    for (const objectId of taken.slice(outputs.length).reverse()) ids.release(objectId)
    for (const { objectId } of old) {
      objects.dropPart(objectId, partitionId)
      if (metadata.objectState(objectId) !== 'committed') objects.drop(objectId)
    }
    for (const object of committed) objects.add(object)
    const bytesOf = (of: readonly { readonly bytes: number }[]): number => of.reduce((sum, { bytes }) => sum + bytes, 0)
    onCleaned(partitionId, bytesOf(old), bytesOf(added))
  }
}

/** Sequence numbers wrap. */
function lastOffsetOf({ batches }: ProducerSnapshot): number {
  const last = batches.at(-1)
  return last === undefined ? -1 : last.baseOffset + ((last.lastSequence - last.firstSequence) & 0x7fffffff)
}
