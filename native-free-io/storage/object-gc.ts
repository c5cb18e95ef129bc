import type { Controller } from '../../src/controller/controller.ts'
import type { Image, ObjectImage } from '../../src/metadata/image.ts'
import type { ObjectKeys } from '../../src/objects/object-key.ts'
import type { ObjectMap } from '../../src/objects/object-map.ts'
import type { StoreFault } from '../../src/ports/object-store.ts'
import { crashPoint } from '../process/crash-point.ts'
import { StartRefused } from '../process/start-refused.ts'
import { faultOrFailure, type ObjectJobs } from '../threads/object-jobs.ts'
import { PeriodicTask } from './periodic-task.ts'

/** Interval of the checks for unreferenced objects. */
const sweepMs = 5000
/** Interval of the lists of the whole store. */
const listMs = 3_600_000

/** Minimum idle time of an upload: in a store that only this node writes to, a younger one is its own and in progress. */
const uploadIdleMs = 60_000

export interface JanitorParts {
  readonly controller: Controller
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
  onFault(fault: StoreFault): void
  /** The node cannot continue. */
  onFailure(error: Error): void
}

/**
 * Removes unreferenced objects: marked in the metadata log first, removed from the store after a delay, and then from the metadata log.
 * Also removes what crashes left: ids that were prepared and never committed, and keys without metadata.
 */
export class ObjectGc {
  readonly #parts: JanitorParts
  /** Prepared objects that will never be committed: those of earlier incarnations cannot be any more. */
  readonly #left: Set<number>
  /** Time at which this incarnation first saw each mark. Objects marked by an earlier incarnation have no further delay. */
  readonly #markedAt = new Map<number, number>()
  readonly #rounds: PeriodicTask
  #listedAt = Number.NEGATIVE_INFINITY

  /** Must be called before this incarnation prepares its first object. */
  constructor(parts: JanitorParts) {
    this.#parts = parts
    this.#rounds = new PeriodicTask(() => this.#sweep(), faultOrFailure(parts))
    this.#left = new Set(parts.controller.image.preparedObjects)
    for (const objectId of parts.controller.image.markedObjects) this.#markedAt.set(objectId, Number.NEGATIVE_INFINITY)
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
    if (performance.now() - this.#listedAt < listMs) return
    await this.#removeUnknown()
    this.#listedAt = performance.now()
  }

  async #mark(): Promise<void> {
    const { controller, objects } = this.#parts
    const { image } = controller
    const dead = [...image.objects.values()].filter((object) => !object.parts.some((part) => isReadable(image, part)))
    if (dead.length === 0) return
    await controller.ask({ type: 'record', records: [{ type: 'objectsMarked', objectIds: dead.map(({ objectId }) => objectId) }] })
    crashPoint('objects marked')
    for (const object of dead) objects.drop(object)
  }

  #due(): number[] {
    const { controller, retentionMs } = this.#parts
    const now = performance.now()
    const marked = [...controller.image.markedObjects]
    for (const objectId of marked) if (!this.#markedAt.has(objectId)) this.#markedAt.set(objectId, now)
    return marked.filter((objectId) => now - this.#markedAt.get(objectId)! >= retentionMs)
  }

  async #remove(why: 'unreadable' | 'never committed', objectIds: readonly number[]): Promise<void> {
    if (objectIds.length === 0) return
    const { jobs, controller, onRemoved } = this.#parts
    await jobs.remove(objectIds)
    crashPoint('objects removed')
    await controller.ask({ type: 'record', records: [{ type: 'objectsRemoved', objectIds }] })
    crashPoint('objects forgotten')
    for (const objectId of objectIds) this.#markedAt.delete(objectId)
    onRemoved(why, objectIds.length)
  }

  /** Keys of other nodes and of other foundings are not removed. */
  async #removeUnknown(): Promise<void> {
    const { jobs, keys, orphanMs, onRemoved } = this.#parts
    const before = Date.now() - orphanMs
    for (const prefix of keys.prefixes) {
      await jobs.abandonUploads(prefix, Math.min(before, Date.now() - uploadIdleMs))
      for (let from: string | undefined; ; ) {
        const { objects, next } = await jobs.list(prefix, from)
        const unknown = objects.filter(({ key, modifiedMs }) => modifiedMs <= before && this.#isUnknown(key))
        if (unknown.length > 0) {
          await this.#parts.confirm()
          for (const { key } of unknown) this.#refuseFuture(key)
          await jobs.removeKeys(unknown.map(({ key }) => key))
          onRemoved('unknown', unknown.length)
        }
        if (next === undefined) break
        from = next
      }
    }
  }

  #isUnknown(key: string): boolean {
    const { keys, controller } = this.#parts
    const objectId = keys.idOf(key)
    return objectId !== undefined && !isKnown(controller.image, objectId)
  }

  /** Every object id is in the metadata log before an object is stored under it. */
  #refuseFuture(key: string): void {
    const { keys, controller } = this.#parts
    const { nextObjectId } = controller.image
    if (keys.idOf(key)! < nextObjectId) return
    throw new StartRefused(
      `the object store contains ${key}, but metadata.log ends before object ${nextObjectId}: metadata.log is truncated or out of date; restore it from a copy`,
    )
  }
}

function isReadable(image: Image, part: ObjectImage['parts'][number]): boolean {
  const partition = image.partitions.get(part.partitionId)
  return partition !== undefined && partition.logStartOffset < part.end
}

const isKnown = ({ objects, preparedObjects, markedObjects }: Image, objectId: number): boolean =>
  objects.has(objectId) || preparedObjects.has(objectId) || markedObjects.has(objectId)
