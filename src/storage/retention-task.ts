import { PeriodicTask } from '../actor/periodic-task.ts'
import type { Settings } from '../config/settings.ts'
import { cleanupSettings } from '../config/topic-configs.ts'
import type { ObjectMap } from '../objects/object-map.ts'
import { mayExpire, type RetentionLimits, retained } from '../objects/retention.ts'
import type { Lanes } from '../ports/lanes.ts'
import type { PartitionId } from '../ports/partitions.ts'
import type { StorageMetadata } from '../ports/storage-metadata.ts'
import type { StorageStep } from '../ports/storage-steps.ts'
import type { Time } from '../ports/time.ts'
import { extentOf } from './extent.ts'

export interface RetentionTaskParts {
  readonly settings: Settings
  readonly metadata: StorageMetadata
  readonly lanes: Lanes
  readonly objects: ObjectMap
  readonly time: Time
  /** Records below `offset` are deleted. */
  onCut(partitionId: PartitionId, offset: number): void
  onStep(step: StorageStep): void
  onFailure(error: Error): void
}

/**
 * Advances the log start of partitions with expired records (`cleanup.policy=delete`). Objects without remaining records are removed later.
 * Of a partition without expired records, the first part is read and nothing is requested from its lane.
 */
export class RetentionTask {
  readonly #parts: RetentionTaskParts
  readonly #rounds: PeriodicTask

  constructor(parts: RetentionTaskParts) {
    this.#parts = parts
    this.#rounds = new PeriodicTask(parts.time, () => this.#check(), parts.onFailure)
  }

  start(): void {
    const everyMs = Number(this.#parts.settings['log.retention.check.interval.ms'])
    this.#rounds.every(Math.min(everyMs, 2 ** 31 - 1))
  }

  stop(): Promise<void> {
    return this.#rounds.stop()
  }

  /** Checks every partition once. */
  async #check(): Promise<void> {
    const { metadata, settings } = this.#parts
    for (const { configs, partitionIds } of [...metadata.topics()]) {
      const limits = cleanupSettings(configs, settings)
      if (!limits.deletes || (limits.retentionMs === null && limits.retentionBytes === null)) continue
      for (const partitionId of partitionIds) await this.#cut(partitionId, limits)
    }
  }

  async #cut(partitionId: PartitionId, limits: RetentionLimits): Promise<void> {
    const { metadata, lanes, objects, time, onCut, onStep } = this.#parts
    const logStart = metadata.partition(partitionId)?.logStart
    if (logStart === undefined || !mayExpire(objects.first(partitionId, logStart), limits, time.wall())) return
    const { stored, unstored } = await extentOf(objects, lanes, partitionId, logStart)
    if (unstored === undefined) return
    const bytes = stored + unstored.bytes
    const kept = retained(objects.each(partitionId, logStart), bytes, limits, logStart, time.wall())
    let { offset } = kept
    if (kept.all && unstored.oldest >= 0) {
      const since = { timestamp: time.wall() - limits.retentionMs!, from: unstored.start }
      const young = await lanes.of(partitionId).call({ type: 'find', partitionId, ...since })
      if (young.type !== 'place') return
      offset = Math.max(offset, young.place?.baseOffset ?? unstored.end)
    }
    if (offset <= logStart) return
    await metadata.moveLogStart(partitionId, offset)
    onStep('log start moved')
    onCut(partitionId, offset)
  }
}
