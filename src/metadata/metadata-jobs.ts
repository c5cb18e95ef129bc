import { frameBytesMax } from './frames.ts'

interface Job {
  readonly records: readonly Uint8Array[]
  readonly bytes: number
  /** The records replace all earlier ones. */
  readonly isWhole: boolean
  readonly done: () => void
}

/**
 * Queue of writes to a metadata log, in order. Waiting appends share the next write, up to the size of a frame. After a failed write,
 * nothing more is written and pending calls never resolve.
 */
export class MetadataJobs {
  readonly #write: (records: readonly Uint8Array[], isWhole: boolean) => Promise<void>
  readonly #failed: (error: Error) => void
  #jobs: Job[] = []
  #working: Promise<void> | undefined
  #broken = false

  constructor(write: (records: readonly Uint8Array[], isWhole: boolean) => Promise<void>, failed: (error: Error) => void) {
    this.#write = write
    this.#failed = failed
  }

  append(records: readonly Uint8Array[]): Promise<void> {
    return this.#call(records, false)
  }

  replace(records: readonly Uint8Array[]): Promise<void> {
    return this.#call(records, true)
  }

  /** Resolves when all earlier requests have been written, or have failed. */
  async settled(): Promise<void> {
    await this.#working
  }

  #call(records: readonly Uint8Array[], isWhole: boolean): Promise<void> {
    const bytes = records.reduce((sum, record) => sum + 4 + record.length, 0)
    return new Promise((done) => {
      this.#jobs.push({ records, bytes, isWhole, done })
      this.#working ??= this.#work()
    })
  }

  async #work(): Promise<void> {
    // Requests of the same turn of the event loop are written together.
    await Promise.resolve()
    while (this.#jobs.length > 0 && !this.#broken) {
      const jobs = this.#takeTogether()
      try {
        const records = jobs.flatMap((job) => job.records)
        await this.#write(records, jobs[0]!.isWhole)
      } catch (error) {
        this.#broken = true
        this.#failed(error as Error)
        return
      }
      for (const job of jobs) job.done()
    }
    // In the same turn as the check for an empty queue: later requests start the work again.
    this.#working = undefined
  }

  /** A single replacement, or every append up to the next one, up to the size of a frame. */
  #takeTogether(): Job[] {
    let count = 0
    let bytes = 0
    for (const job of this.#jobs) {
      if (job.isWhole || (count > 0 && bytes + job.bytes > frameBytesMax)) break
      bytes += job.bytes
      count++
    }
    return this.#jobs.splice(0, Math.max(count, 1))
  }
}
