import type { Worker } from 'node:worker_threads'
import type { SearchOutcome } from '../../src/pipeline/validation/batch-search.ts'
import type { LargeWindowJob, LargeWindowResult } from '../../src/pipeline/validation/large-window.ts'
import type { ValidationResult } from '../../src/pipeline/validation/validator.ts'

/** Time for which the thread and its memory are kept after the last batch. */
const idleMs = 1000

interface Waiting {
  readonly job: LargeWindowJob
  readonly resolve: (result: LargeWindowResult) => void
}

/**
 * Processes batches with back references beyond the usual windows, one at a time in the node. A thread is started for the first, and ended
 * after the last, since only the end of a thread releases its memory.
 */
export class LargeWindow {
  readonly #start: () => Worker
  readonly #stop: (worker: Worker) => Promise<unknown>
  readonly #queue: Waiting[] = []
  #worker: Worker | undefined
  #current: Waiting | undefined
  #idle: NodeJS.Timeout | undefined
  #closed = false

  /** `start` starts the thread of `workers/large-window.ts`, and `stop` ends it. */
  constructor(start: () => Worker, stop: (worker: Worker) => Promise<unknown>) {
    this.#start = start
    this.#stop = stop
  }

  /** Whether the thread and its memory exist. */
  get isRunning(): boolean {
    return this.#worker !== undefined
  }

  async validate(job: Omit<Extract<LargeWindowJob, { type: 'validate' }>, 'type'>): Promise<ValidationResult> {
    const result = await this.#run({ type: 'validate', ...job })
    return (result as Extract<LargeWindowResult, { type: 'result' }>).result
  }

  async search(batch: Uint8Array, least: number, timestamp: bigint): Promise<SearchOutcome> {
    const result = await this.#run({ type: 'search', batch: new Uint8Array(batch), least, timestamp })
    return (result as Extract<LargeWindowResult, { type: 'outcome' }>).outcome
  }

  /** No batch is accepted from now on. */
  async stop(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#idle)
    await this.#end()
  }

  async #end(): Promise<void> {
    const worker = this.#worker
    this.#worker = undefined
    if (worker !== undefined) await this.#stop(worker)
  }

  #run(job: LargeWindowJob): Promise<LargeWindowResult> {
    return new Promise((resolve) => {
      this.#queue.push({ job, resolve })
      this.#next()
    })
  }

  #next(): void {
    if (this.#current !== undefined || this.#closed) return
    this.#current = this.#queue.shift()
    if (this.#current === undefined) {
      this.#idle = setTimeout(() => void this.#end(), idleMs)
      this.#idle.unref()
      return
    }
    clearTimeout(this.#idle)
    this.#worker ??= this.#started()
    this.#worker.postMessage(this.#current.job)
  }

  #started(): Worker {
    const worker = this.#start()
    worker.on('message', (result: LargeWindowResult) => {
      this.#current?.resolve(result)
      this.#current = undefined
      this.#next()
    })
    return worker
  }
}
