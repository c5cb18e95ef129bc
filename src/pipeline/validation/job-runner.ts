import { getLong, type RingConsumer, type RingProducer } from '../../ring/ring.ts'
import type { WakeSignal } from '../../ring/wake-signal.ts'
import { rejectedRecord, validationJob, validationKind, validationResult } from '../ring-messages.ts'
import type { ValidationResult, Validator } from './validator.ts'

/** The rings of one network worker, from the side of a validator thread. */
export interface ValidationClient {
  readonly jobs: RingConsumer
  readonly results: RingProducer
  readonly signal: WakeSignal
}

/** A slice of work, in approximate bytes of output: a few milliseconds, so that several jobs advance in turn. */
const sliceUnits = 2 << 20

interface Job {
  readonly client: ValidationClient
  readonly id: number
  readonly validator: Validator
  result: ValidationResult | undefined
}

/**
 * The work of a validator thread: takes jobs from the rings of the network workers, one for each free slot, and advances them in turn. A
 * batch that decompresses to gigabytes does not delay later ones.
 */
export class JobRunner {
  readonly #words: Int32Array
  readonly #clients: readonly ValidationClient[]
  readonly #free: Validator[]
  #jobs: Job[] = []

  constructor(words: Int32Array, clients: readonly ValidationClient[], validators: readonly Validator[]) {
    this.#words = words
    this.#clients = clients
    this.#free = [...validators]
  }

  /** Takes jobs for the free slots and advances every job by one slice. Returns the amount of work done. */
  turn(): number {
    let work = 0
    for (const client of this.#clients) work += client.jobs.drain((_, at) => this.#take(client, at), this.#free.length)
    for (const job of this.#jobs) if (job.result === undefined) work += this.#advance(job)
    this.#jobs = this.#jobs.filter((job) => job.result === undefined || !this.#answer(job, job.result))
    return work
  }

  get idle(): boolean {
    return this.#jobs.length === 0 && this.#clients.every(({ jobs }) => jobs.empty)
  }

  #take(client: ValidationClient, at: number): boolean {
    const validator = this.#free.pop()
    if (validator === undefined) return false
    const words = this.#words
    validator.begin(words[at + validationJob.address]!, words[at + validationJob.bytes]!, {
      keys: words[at + validationJob.keys] === 1,
      oldest: getLong(words, at + validationJob.oldest),
      newest: getLong(words, at + validationJob.newest),
    })
    this.#jobs.push({ client, id: words[at + validationJob.id]!, validator, result: undefined })
    return true
  }

  #advance(job: Job): number {
    const found = job.validator.run(sliceUnits)
    if (found !== 'more') job.result = found === 'window' ? job.validator.tooFar : found
    return 1
  }

  /** Returns false when the ring is full; the network worker consumes results later. */
  #answer({ client, id, validator }: Job, { error, reason, flags, rejected }: ValidationResult): boolean {
    const words = this.#words
    const at = client.results.claim(validationKind, validationResult.words + rejected.length * rejectedRecord.words)
    if (at < 0) return false
    words[at + validationResult.id] = id
    words[at + validationResult.error] = error
    words[at + validationResult.reason] = reason
    words[at + validationResult.flags] = flags
    words[at + validationResult.rejected] = rejected.length
    for (const [i, record] of rejected.entries()) {
      const to = at + validationResult.words + i * rejectedRecord.words
      words[to + rejectedRecord.index] = record.index
      words[to + rejectedRecord.reason] = record.reason
    }
    client.results.publish()
    client.signal.ring()
    this.#free.push(validator)
    return true
  }
}
