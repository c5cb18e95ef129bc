import type { MetadataLog } from '../../src/metadata/metadata-log.ts'

/** A metadata log with its length recorded elsewhere after every append. If it is shorter at a start, its end is lost. */
export class NotedLog implements MetadataLog {
  readonly #log: MetadataLog
  readonly #note: (records: number) => void
  #records: number

  constructor(log: MetadataLog, records: number, note: (records: number) => void) {
    this.#log = log
    this.#records = records
    this.#note = note
  }

  get bytes(): number {
    return this.#log.bytes
  }

  get isFull(): boolean {
    return this.#log.isFull
  }

  async append(records: readonly Uint8Array[]): Promise<void> {
    await this.#log.append(records)
    this.#records += records.length
    this.#note(this.#records)
  }

  /** Replaces the log by fewer records with the same meaning. The count includes the replaced records. */
  replace(records: readonly Uint8Array[]): Promise<void> {
    return this.#log.replace(records)
  }
}
