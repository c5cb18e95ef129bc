import { PeriodicTask } from '../actor/periodic-task.ts'
import { faultOrFailure } from '../object-store/store-faults.ts'
import type { ObjectKeys } from '../objects/object-key.ts'
import type { ObjectMap } from '../objects/object-map.ts'
import type { ObjectJobs } from '../ports/object-jobs.ts'
import type { StoreFault } from '../ports/object-store.ts'
import type { StorageMetadata } from '../ports/storage-metadata.ts'
import type { StorageStep } from '../ports/storage-steps.ts'
import type { Time } from '../ports/time.ts'

/** Interval of the checks for unreferenced objects. */
const sweepMs = 5000
/** Interval of the lists of the whole store. */
const listMs = 3_600_000

/** Minimum idle time of an upload: in a store that only this node writes to, a younger one is its own and in progress. */
const uploadIdleMs = 60_000

/** The metadata log is older than the store: an operator must restore it. */
export class MetadataOutdated extends Error {}

export interface GcParts {
  readonly metadata: StorageMetadata
  readonly time: Time
  readonly keys: ObjectKeys
  readonly jobs: ObjectJobs
  readonly objects: ObjectMap
  /** Time for which a marked object is kept for readers in progress. */
  readonly retentionMs: number
  /** Minimum age of an object without metadata before it counts as left over. */
  readonly orphanMs: number
  /** Resolves if no other node has taken over so far: an object without metadata might belong to the other node. */
  readonly confirm: () => Promise<void>
  onRemoved(why: 'unreadable' | 'never committed' | 'unknown', count: number): void
  onStep(step: StorageStep): void
  onFault(fault: StoreFault): void
  /** The node cannot continue. */
  onFailure(error: Error): void
}

/**
 * Removes unreferenced objects: marked in the metadata log first, removed from the store after a delay, and then from the metadata log.
 * Also removes what crashes left: ids that were prepared and never committed, and keys without metadata.
 */
export class ObjectGc {
  readonly #parts: GcParts
  /** Prepared objects that will never be committed: those of earlier incarnations cannot be any more. */
  readonly #left: Set<number>
  /** Time at which this incarnation first saw each mark. Objects marked by an earlier incarnation have no further delay. */
  readonly #markedAt = new Map<number, number>()
  readonly #rounds: PeriodicTask
  #listedAt = Number.NEGATIVE_INFINITY

  /** Must be called before this incarnation prepares its first object. */
  constructor(parts: GcParts) {
    this.#parts = parts
    this.#rounds = new PeriodicTask(parts.time, () => this.#sweep(), faultOrFailure(parts))
    this.#left = new Set(parts.metadata.preparedIds())
    for (const objectId of parts.metadata.markedIds()) this.#markedAt.set(objectId, Number.NEGATIVE_INFINITY)
  }

  /** These objects may be in the store, and will never be committed. */
  abandon(objectIds: readonly number[]): void {
    for (const objectId of objectIds) this.#left.add(objectId)
  }

  start(): void {
    this.#rounds.every(sweepMs)
    void this.#rounds.now()
  }

  stop(): Promise<void> {
    return this.#rounds.stop()
  }

  async #sweep(): Promise<void> {
    await this.#mark()
    await this.#remove('unreadable', this.#due())
    const left = [...this.#left]
    // A crash during a large object leaves parts that no list shows; their start time is by the store's clock, so there is no time limit.
    for (const objectId of left) await this.#parts.jobs.abandonUploads(this.#parts.keys.key(objectId), Number.POSITIVE_INFINITY)
    await this.#remove('never committed', left)
    for (const objectId of left) this.#left.delete(objectId)
    const { time } = this.#parts
    if (time.monotonic() - this.#listedAt < listMs) return
    await this.#removeUnknown()
    this.#listedAt = time.monotonic()
  }

  async #mark(): Promise<void> {
    const { metadata, objects, onStep } = this.#parts
    const marked = await metadata.markUnreferenced()
    if (marked.length === 0) return
    onStep('objects marked')
    for (const objectId of marked) objects.drop(objectId)
  }

  #due(): number[] {
    const { metadata, time, retentionMs } = this.#parts
    const now = time.monotonic()
    const marked = [...metadata.markedIds()]
    for (const objectId of marked) if (!this.#markedAt.has(objectId)) this.#markedAt.set(objectId, now)
    return marked.filter((objectId) => now - this.#markedAt.get(objectId)! >= retentionMs)
  }

  async #remove(why: 'unreadable' | 'never committed', objectIds: readonly number[]): Promise<void> {
    if (objectIds.length === 0) return
    const { jobs, metadata, onRemoved, onStep } = this.#parts
    await jobs.remove(objectIds)
    onStep('objects removed')
    await metadata.removeObjects(objectIds)
    onStep('objects forgotten')
    for (const objectId of objectIds) this.#markedAt.delete(objectId)
    onRemoved(why, objectIds.length)
  }

  /** Keys of other nodes and of other foundings are not removed. */
  async #removeUnknown(): Promise<void> {
    const { jobs, keys, time, orphanMs, onRemoved } = this.#parts
    const before = time.wall() - orphanMs
    for (const prefix of keys.prefixes) {
      await jobs.abandonUploads(prefix, Math.min(before, time.wall() - uploadIdleMs))
      for (let from: string | undefined; ; ) {
        const { objects, next } = await jobs.list(prefix, from)
        const unknown = objects.filter(({ key, modifiedMs }) => modifiedMs <= before && this.#isUnknown(key))
        if (unknown.length > 0) {
          await this.#parts.confirm()
          for (const { key } of unknown) this.#rejectFuture(key)
          await jobs.removeKeys(unknown.map(({ key }) => key))
          onRemoved('unknown', unknown.length)
        }
        if (next === undefined) break
        from = next
      }
    }
  }

  #isUnknown(key: string): boolean {
    const { keys, metadata } = this.#parts
    const objectId = keys.idOf(key)
    return objectId !== undefined && metadata.objectState(objectId) === 'unknown'
  }

  /** Every object id is in the metadata log before an object is stored under it. */
  #rejectFuture(key: string): void {
    const { keys, metadata } = this.#parts
    const { nextObjectId } = metadata
    if (keys.idOf(key)! < nextObjectId) return
    throw new MetadataOutdated(
      `the object store contains ${key}, but metadata.log ends before object ${nextObjectId}: metadata.log is truncated or out of date; restore it from a copy`,
    )
  }
}
