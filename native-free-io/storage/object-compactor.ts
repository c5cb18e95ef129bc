import type { SerialQueue } from '../../src/actor/serial-queue.ts'
import type { Controller } from '../../src/controller/controller.ts'
import { committed } from '../../src/metadata/object-records.ts'
import {
  type CompactionLimits,
  type CompactionPlan,
  type Output,
  planCompaction,
  type Source,
} from '../../src/objects/compaction/compaction-plan.ts'
import type { ObjectMap } from '../../src/objects/object-map.ts'
import type { StoreFault } from '../../src/ports/object-store.ts'
import { crashPoint } from '../process/crash-point.ts'
import { type BuiltObject, faultOrFailure, type ObjectJobs } from '../threads/object-jobs.ts'
import type { ObjectIds } from './object-ids.ts'
import { PeriodicTask } from './periodic-task.ts'

/** Interval of the checks for objects to compact; a check starts earlier after this many new objects. */
const lookMs = 10_000
const lookObjects = 8

export interface CompactorParts {
  readonly controller: Controller
  readonly jobs: ObjectJobs
  readonly ids: ObjectIds
  readonly objects: ObjectMap
  readonly limits: CompactionLimits
  /** Shared with the other tasks that rewrite objects. */
  readonly turn: SerialQueue
  /** These objects may be in the store, and will never be committed. */
  onAbandoned(objectIds: readonly number[]): void
  onCompacted(replaced: number, outputs: number, bytes: number): void
  onFault(fault: StoreFault): void
  /** The node cannot continue. */
  onFailure(error: Error): void
}

interface Written {
  readonly objectId: number
  readonly object: NonNullable<BuiltObject>
}

/**
 * Merges and splits objects that are too many or contain too many partitions. New objects are in the store before one frame of the metadata
 * log commits them and marks the old ones. A crash before that leaves prepared ids, and after it marked ones.
 */
export class ObjectCompactor {
  readonly #parts: CompactorParts
  readonly #rounds: PeriodicTask
  #stopping = false
  #fresh = 0

  constructor(parts: CompactorParts) {
    this.#parts = parts
    this.#rounds = new PeriodicTask(() => this.#compact(), faultOrFailure(parts))
  }

  start(): void {
    this.#rounds.every(lookMs)
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
    const { controller, limits } = this.#parts
    const plan = planCompaction([...controller.image.objects.values()], (partitionId) => this.#logStart(partitionId), limits)
    if (plan === undefined) return false
    await this.#perform(plan)
    return true
  }

  #logStart(partitionId: number): number | undefined {
    const found = this.#parts.controller.image.partitions.get(partitionId)?.logStartOffset
    return found === undefined ? undefined : Number(found)
  }

  async #perform({ replaced, outputs }: CompactionPlan): Promise<void> {
    const { controller, objects, onCompacted } = this.#parts
    const written = await this.#write(outputs)
    if (written === undefined) return
    crashPoint('compaction written')
    // Retention or a deletion may have removed some in the meantime, which does not matter: their records are not read.
    const stillThere = replaced.filter((objectId) => controller.image.objects.has(objectId))
    const old = stillThere.map((objectId) => controller.image.objects.get(objectId)!)
    const commits = written.map(({ objectId, object }) => committed(objectId, object))
    await controller.ask({ type: 'record', records: [...commits, { type: 'objectsMarked', objectIds: stillThere }] })
    crashPoint('compaction committed')
    for (const object of old) objects.drop(object)
    for (const { objectId, object } of written) objects.add({ objectId, ...object })
    onCompacted(
      replaced.length,
      written.length,
      written.reduce((sum, { object }) => sum + object.bytes, 0),
    )
  }

  /** Undefined when the node stops in the meantime. */
  async #write(outputs: readonly Output[]): Promise<Written[] | undefined> {
    const { jobs, ids, onAbandoned } = this.#parts
    const written: Written[] = []
    const taken: number[] = []
    try {
      for (const { sources } of outputs) {
        if (this.#stopping) break
        const objectId = await ids.take()
        taken.push(objectId)
        const from = (source: Source): Source & { from: number } => ({ ...source, from: this.#logStart(source.partitionId) ?? source.end })
        written.push({ objectId, object: (await jobs.rewrite(objectId, sources.map(from)))! })
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
