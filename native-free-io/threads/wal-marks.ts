import type { Controller } from '../../src/controller/controller.ts'
import type { MetadataRecord } from '../../src/metadata/records.ts'
import { PeriodicTask } from '../storage/periodic-task.ts'
import type { Pipeline } from './pipeline.ts'

/** How far the metadata log may be behind the write-ahead log, where that is a file. */
const markMs = 5000

/** What the write-ahead log holds by now, for the metadata log. `stored`: what lies below is in objects. */
export const marked = (pipeline: Pick<Pipeline, 'wal' | 'stored' | 'durable'>, stored = pipeline.stored): MetadataRecord => ({
  type: 'walMarked',
  secret: pipeline.wal.state.secret,
  incarnation: pipeline.wal.state.incarnation,
  stored,
  durable: pipeline.durable,
})

/** Tells the metadata log every few seconds how far the write-ahead log is durable: one that ends earlier at a start has lost records. */
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
