import type { Controller } from '../../src/controller/controller.ts'
import type { MetadataRecord } from '../../src/metadata/records.ts'
import { PeriodicTask } from '../storage/periodic-task.ts'
import type { Pipeline } from './pipeline.ts'

/** Maximum lag of the metadata log behind a WAL file. */
const markMs = 5000

/** State of the WAL for the metadata log. `stored`: records below are in objects. */
export const marked = (pipeline: Pick<Pipeline, 'wal' | 'stored' | 'durable'>, stored = pipeline.stored): MetadataRecord => ({
  type: 'walMarked',
  secret: pipeline.wal.state.secret,
  incarnation: pipeline.wal.state.incarnation,
  stored,
  durable: pipeline.durable,
})

/** Records periodically in the metadata log how far the WAL is durable: a WAL that ends earlier at a start has lost records. */
export class WalMarks {
  readonly #pipeline: Pipeline
  readonly #controller: Controller
  readonly #rounds: PeriodicTask
  #marked: number

  constructor(pipeline: Pipeline, controller: Controller, onFailure: (error: Error) => void) {
    this.#pipeline = pipeline
    this.#controller = controller
    this.#marked = pipeline.durable
    this.#rounds = new PeriodicTask(() => this.#mark(), onFailure)
  }

  start(): void {
    this.#rounds.every(markMs)
  }

  stop(): Promise<void> {
    return this.#rounds.stop()
  }

  async #mark(): Promise<void> {
    const { durable } = this.#pipeline
    if (durable === this.#marked) return
    this.#marked = durable
    await this.#controller.ask({ type: 'record', records: [marked(this.#pipeline)] })
  }
}
