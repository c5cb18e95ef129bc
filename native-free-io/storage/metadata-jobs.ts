import { frameBytesMax } from '../../src/metadata/frames.ts'

interface Job {
  readonly records: readonly Uint8Array[]
  readonly bytes: number
  /** In place of everything before it. */
  readonly isWhole: boolean
  readonly done: () => void
}

/**
 * What a metadata log has yet to write, in order. Appends that wait for a write share the next one, as far as a frame holds them.
 * Once a write has thrown, nothing is written and no promise resolves any more.
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
    return this.#ask(records, false)
  }

  replace(records: readonly Uint8Array[]): Promise<void> {
    return this.#ask(records, true)
  }

  /** Resolves when what was asked before has been written, or cannot be. */
  async settled(): Promise<void> {
    await this.#working
  }

  #ask(records: readonly Uint8Array[], isWhole: boolean): Promise<void> {
    const bytes = records.reduce((sum, record) => sum + 4 + record.length, 0)
    return new Promise((done) => {
      this.#jobs.push({ records, bytes, isWhole, done })
      this.#working ??= this.#work()
    })
  }

  async #work(): Promise<void> {
    // What is asked in the same turn of the event loop is written together.
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
    // In the same step as finding nothing left: what is asked from now on starts anew.
    this.#working = undefined
  }

  /** A replacement alone, or every append up to the next one, as far as a frame holds them. */
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
