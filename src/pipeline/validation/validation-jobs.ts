import { putLong, type RingConsumer, type RingProducer } from '../../ring/ring.ts'
import type { WakeSignal } from '../../ring/wake-signal.ts'
import { reason, rejectedRecord, validationJob, validationKind, validationResult } from '../ring-messages.ts'
import type { RecordRules } from '../sequencing/rejected-records.ts'
import type { ValidationResult } from './validator.ts'

/** The rings of one validator thread, from the side of a network worker. */
export interface ValidatorThread {
  readonly jobs: RingProducer
  readonly results: RingConsumer
  readonly signal: WakeSignal
}

/** A batch for a validator thread, and the callback for its result. */
export interface ValidationJob {
  readonly address: number
  readonly bytes: number
  readonly rules: RecordRules
  onResult(result: ValidationResult): void
}

const resultsPerTurn = 256

interface Served extends ValidatorThread {
  /** Jobs sent to the thread that have no result yet. */
  outstanding: number
}

/** Sends batches to validator threads and receives their results, which may arrive in a different order than jobs. */
export class ValidationJobs {
  readonly #words: Int32Array
  readonly #threads: readonly Served[]
  readonly #start: () => void
  readonly #widen: (job: ValidationJob) => void
  readonly #jobs = new Map<number, { job: ValidationJob; thread: Served }>()
  /** Jobs that found a full ring. */
  #waiting: ValidationJob[] = []
  #started = false
  #id = 0

  /**
   * `start` is called before the first job, so that the threads start only when needed. `widen` receives the jobs whose batches have back
   * references beyond the windows of the threads.
   */
  constructor(words: Int32Array, threads: readonly ValidatorThread[], start: () => void, widen: (job: ValidationJob) => void) {
    this.#words = words
    this.#threads = threads.map((thread) => ({ ...thread, outstanding: 0 }))
    this.#start = start
    this.#widen = widen
  }

  offer(job: ValidationJob): void {
    if (!this.#started) {
      this.#started = true
      this.#start()
    }
    if (this.#waiting.length > 0 || !this.#send(job)) this.#waiting.push(job)
  }

  /** Receives results. Returns their number. */
  turn(): number {
    let taken = 0
    for (const thread of this.#threads) taken += thread.results.drain((_, at) => this.#onResult(at), resultsPerTurn)
    while (this.#waiting.length > 0 && this.#send(this.#waiting[0]!)) this.#waiting.shift()
    return taken
  }

  get idle(): boolean {
    return this.#threads.every(({ results }) => results.empty)
  }

  #send(job: ValidationJob): boolean {
    const words = this.#words
    const thread = this.#threads.reduce((least, each) => (each.outstanding < least.outstanding ? each : least))
    const at = thread.jobs.claim(validationKind, validationJob.words)
    if (at < 0) return false
    const id = (this.#id = (this.#id + 1) | 0)
    this.#jobs.set(id, { job, thread })
    thread.outstanding++
    words[at + validationJob.id] = id
    words[at + validationJob.address] = job.address
    words[at + validationJob.bytes] = job.bytes
    words[at + validationJob.keys] = job.rules.keys ? 1 : 0
    putLong(words, at + validationJob.oldest, job.rules.oldest)
    putLong(words, at + validationJob.newest, job.rules.newest)
    thread.jobs.publish()
    thread.signal.ring()
    return true
  }

  #onResult(at: number): boolean {
    const words = this.#words
    const id = words[at + validationResult.id]!
    const { job, thread } = this.#jobs.get(id)!
    this.#jobs.delete(id)
    thread.outstanding--
    if (words[at + validationResult.reason] === reason.window) {
      this.#widen(job)
      return true
    }
    job.onResult({
      error: words[at + validationResult.error]!,
      reason: words[at + validationResult.reason]!,
      flags: words[at + validationResult.flags]!,
      rejected: Array.from({ length: words[at + validationResult.rejected]! }, (_, i) => {
        const from = at + validationResult.words + i * rejectedRecord.words
        return { index: words[from + rejectedRecord.index]!, reason: words[from + rejectedRecord.reason]! }
      }),
    })
    return true
  }
}
