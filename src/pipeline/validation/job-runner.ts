import { getLong, type RingConsumer, type RingProducer } from '../../ring/ring.ts'
import type { WakeSignal } from '../../ring/wake-signal.ts'
import { refusedRecord, validationJob, validationKind, validationVerdict } from '../ring-messages.ts'
import type { Validator, Verdict } from './validator.ts'

/** The rings of one network worker, as a validator thread has them. */
export interface ValidationClient {
  readonly jobs: RingConsumer
  readonly verdicts: RingProducer
  readonly signal: WakeSignal
}

/** A slice of work, in about bytes of output: a few milliseconds, so that several jobs advance side by side. */
const sliceUnits = 2 << 20

interface Job {
  readonly client: ValidationClient
  readonly id: number
  readonly validator: Validator
  verdict: Verdict | undefined
}

/**
 * A validator thread's work: takes jobs from the rings of the network workers, as many at a time as it has slots, and advances them in
 * turn, so that a batch that decodes to gigabytes does not hold up those behind it.
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

  /** Takes what there is room for and advances every job by a slice. Returns how much there was to do. */
  turn(): number {
    let work = 0
    for (const client of this.#clients) work += client.jobs.drain((_, at) => this.#take(client, at), this.#free.length)
    for (const job of this.#jobs) if (job.verdict === undefined) work += this.#advance(job)
    this.#jobs = this.#jobs.filter((job) => job.verdict === undefined || !this.#answer(job, job.verdict))
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
    this.#jobs.push({ client, id: words[at + validationJob.id]!, validator, verdict: undefined })
    return true
  }

  #advance(job: Job): number {
    const found = job.validator.run(sliceUnits)
    if (found !== 'more') job.verdict = found === 'window' ? job.validator.tooFar : found
    return 1
  }

  /** False where the ring is full: the network worker takes verdicts by and by. */
  #answer({ client, id, validator }: Job, { error, reason, flags, refused }: Verdict): boolean {
    const words = this.#words
    const at = client.verdicts.claim(validationKind, validationVerdict.words + refused.length * refusedRecord.words)
    if (at < 0) return false
    words[at + validationVerdict.id] = id
    words[at + validationVerdict.error] = error
    words[at + validationVerdict.reason] = reason
    words[at + validationVerdict.flags] = flags
    words[at + validationVerdict.refused] = refused.length
    for (const [i, record] of refused.entries()) {
      const to = at + validationVerdict.words + i * refusedRecord.words
      words[to + refusedRecord.index] = record.index
      words[to + refusedRecord.reason] = record.reason
    }
    client.verdicts.publish()
    client.signal.ring()
    this.#free.push(validator)
    return true
  }
}
