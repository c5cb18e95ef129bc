import type { Settings } from '../../src/config/settings.ts'
import { cleanupSettings } from '../../src/config/topic-configs.ts'
import type { Controller } from '../../src/controller/controller.ts'
import { retained } from '../../src/objects/retention.ts'
import type { PartitionId } from '../../src/ports/partitions.ts'
import { crashPoint } from '../process/crash-point.ts'
import type { Pipeline } from '../threads/pipeline.ts'
import type { ObjectStorage } from './object-storage.ts'
import { PeriodicTask } from './periodic-task.ts'

export interface RetentionTaskParts {
  readonly settings: Settings
  readonly controller: Controller
  readonly pipeline: Pipeline
  readonly storage: ObjectStorage
  now(): number
  /** Records below `offset` are deleted. */
  onCut(partitionId: PartitionId, offset: number): void
  onFailure(error: Error): void
}

/**
 * Advances the log start of partitions with expired records (`cleanup.policy=delete`). Objects without remaining records are removed later.
 */
export class RetentionTask {
  readonly #parts: RetentionTaskParts
  readonly #rounds: PeriodicTask

  constructor(parts: RetentionTaskParts) {
    this.#parts = parts
    this.#rounds = new PeriodicTask(() => this.#check(), parts.onFailure)
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
    const { controller, settings } = this.#parts
    for (const { configs, partitionIds } of [...controller.image.topics.values()]) {
      const limits = cleanupSettings(configs, settings)
      if (!limits.deletes || (limits.retentionMs === null && limits.retentionBytes === null)) continue
      for (const partitionId of partitionIds) await this.#cut(partitionId, limits)
    }
  }

  async #cut(
    partitionId: PartitionId,
    limits: { readonly retentionMs: number | null; readonly retentionBytes: number | null },
  ): Promise<void> {
    const { controller, pipeline, storage, now, onCut } = this.#parts
    const known = controller.image.partitions.get(partitionId)
    const extent = known && (await pipeline.ask({ type: 'extent', partitionId }))
    if (extent?.type !== 'extent') return
    const logStart = Number(known!.logStartOffset)
    const kept = retained(storage.objects.from(partitionId, logStart), extent.bytes, limits, logStart, now())
    let { offset } = kept
    if (kept.all && extent.oldest >= 0) {
      const young = await pipeline.ask({ type: 'find', partitionId, timestamp: now() - limits.retentionMs!, from: extent.start })
      if (young.type !== 'place') return
      offset = Math.max(offset, young.place?.baseOffset ?? extent.end)
    }
    if (offset <= logStart) return
    await controller.ask({ type: 'record', records: [{ type: 'logStartMoved', partitionId, offset: BigInt(offset) }] })
    crashPoint('log start moved')
    onCut(partitionId, offset)
  }
}
