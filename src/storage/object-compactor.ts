import { PeriodicTask } from '../actor/periodic-task.ts'
import type { SerialQueue } from '../actor/serial-queue.ts'
import { faultOrFailure } from '../object-store/store-faults.ts'
import {
  type CompactionLimits,
  type CompactionPlan,
  isSplitCandidate,
  type Output,
  planMerge,
  planSplit,
} from '../objects/compaction/compaction-plan.ts'
import type { Changes, ObjectMap } from '../objects/object-map.ts'
import type { ObjectJobs, Source } from '../ports/object-jobs.ts'
import type { StoreFault } from '../ports/object-store.ts'
import type { NewObject, StorageMetadata } from '../ports/storage-metadata.ts'
import type { StorageStep } from '../ports/storage-steps.ts'
import type { Time } from '../ports/time.ts'
import type { ObjectIds } from './object-ids.ts'

/** Interval of the checks for objects to compact; a check starts earlier after this many new objects. */
const pollMs = 10_000
const lookObjects = 8

export interface CompactorParts {
  readonly metadata: StorageMetadata
  readonly jobs: ObjectJobs
  readonly ids: ObjectIds
  readonly objects: ObjectMap
  readonly time: Time
  readonly limits: CompactionLimits
  /** Shared with the other tasks that rewrite objects. */
  readonly turn: SerialQueue
  /** These objects may be in the store, and will never be committed. */
  onAbandoned(objectIds: readonly number[]): void
  onCompacted(replaced: number, outputs: number, bytes: number): void
  onStep(step: StorageStep): void
  onFault(fault: StoreFault): void
  /** The node cannot continue. */
  onFailure(error: Error): void
}

/**
 * Merges and splits objects that are too many or contain too many partitions. New objects are in the store before one frame of the metadata
 * log commits them and marks the old ones. A crash before that leaves prepared ids, and after it marked ones.
 *
 * A check reads only what has changed since the last one: objects of several partitions, and partitions with other parts than before.
 */
export class ObjectCompactor {
  readonly #parts: CompactorParts
  readonly #changes: Changes
  readonly #splitCandidates = new Set<number>()
  readonly #rounds: PeriodicTask
  #stopping = false
  #fresh = 0

  constructor(parts: CompactorParts) {
    this.#parts = parts
    this.#changes = parts.objects.watch()
    this.#rounds = new PeriodicTask(parts.time, () => this.#compact(), faultOrFailure(parts))
  }

  start(): void {
    this.#rounds.every(pollMs)
  }

  /** An object has been stored. */
  hasNews(): void {
    if (++this.#fresh >= lookObjects) void this.#rounds.now()
  }

  async stop(): Promise<void> {
    this.#stopping = true
    await this.#rounds.stop()
  }

  /** Resolves when no compaction is worthwhile any more. */
  async #compact(): Promise<void> {
    this.#fresh = 0
    while (!this.#stopping && (await this.#parts.turn.run(() => this.#performNext())));
  }

  /** Returns false when there is nothing to do. */
  async #performNext(): Promise<boolean> {
    const plan = this.#nextSplit() ?? this.#nextMerge()
    if (plan === undefined) return false
    await this.#perform(plan)
    return true
  }

  #nextSplit(): CompactionPlan | undefined {
    const { objects, limits } = this.#parts
    const found = (objectId: number) => objects.object(objectId)
    for (const objectId of this.#changes.objects) {
      const object = found(objectId)
      if (object !== undefined && isSplitCandidate(object, limits)) this.#splitCandidates.add(objectId)
      else this.#splitCandidates.delete(objectId)
    }
    this.#changes.objects.clear()
    const candidates = [...this.#splitCandidates].sort((a, b) => a - b).flatMap((objectId) => found(objectId) ?? [])
    return planSplit(candidates, limits)
  }

  /** A partition without a plan is left out until it changes. */
  #nextMerge(): CompactionPlan | undefined {
    const { objects, limits } = this.#parts
    const isMulti = (objectId: number): boolean => objects.object(objectId)?.isMulti === true
    for (const partitionId of this.#changes.partitions) {
      const plan = planMerge(objects.from(partitionId, 0), isMulti, limits)
      if (plan !== undefined) return plan
      this.#changes.partitions.delete(partitionId)
    }
    return undefined
  }

  #logStart(partitionId: number): number | undefined {
    return this.#parts.metadata.partition(partitionId)?.logStart
  }

  async #perform({ replaced, outputs }: CompactionPlan): Promise<void> {
    const { metadata, objects, onAbandoned, onCompacted, onStep } = this.#parts
    const written = await this.#write(outputs)
    if (written === undefined) return
    onStep('compaction written')
    const committed = await metadata.replaceObjects(replaced, written)
    if (committed === 'rejected') return onAbandoned(written.map(({ objectId }) => objectId))
    onStep('compaction committed')
    for (const objectId of replaced) objects.drop(objectId)
    for (const object of committed) objects.add(object)
    onCompacted(
      replaced.length,
      written.length,
      written.reduce((sum, { bytes }) => sum + bytes, 0),
    )
  }

  /** Undefined when the node stops in the meantime. */
  async #write(outputs: readonly Output[]): Promise<NewObject[] | undefined> {
    const { jobs, ids, onAbandoned } = this.#parts
    const written: NewObject[] = []
    const taken: number[] = []
    try {
      for (const { sources } of outputs) {
        if (this.#stopping) break
        const objectId = await ids.take()
        taken.push(objectId)
        const from = (source: Source): Source & { from: number } => ({ ...source, from: this.#logStart(source.partitionId) ?? source.end })
        written.push({ objectId, ...(await jobs.rewrite(objectId, sources.map(from))) })
      }
    } catch (error) {
      onAbandoned(taken)
      throw error
    }
    if (written.length === outputs.length) return written
    onAbandoned(taken)
    return undefined
  }
}
