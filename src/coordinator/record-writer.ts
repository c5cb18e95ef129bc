import { assert } from '../base/assert.ts'
import type { CoordinatorLog, Leadership } from '../ports/partitions.ts'
import type { Clock } from '../ports/world.ts'
import { buildBatch } from '../wire/batch-builder.ts'
import { batchHeader } from '../wire/record-batch.ts'
import type { KeyAndValue } from './machine.ts'

export interface RecordWriterPorts {
  readonly log: CoordinatorLog
  readonly clock: Clock
  after(ms: number, wake: () => void): () => void
}

export interface RecordWriterLimits {
  readonly batchBytesMax: number
  /** After this time, waiting responses are replaced: the result of the write is unknown. */
  readonly writeTimeoutMs: number
}

interface Waiting {
  readonly after: number
  readonly respond: () => void
  readonly timedOut: () => void
}

/** Of a record, besides key and value: its length, deltas and lengths. */
const recordOverheadBytes = 32

/**
 * Writes the records of one partition of an internal topic, for one leader epoch. Records that are written during an append go together into
 * the next.
 */
export class RecordWriter {
  readonly #leadership: Leadership
  readonly #ports: RecordWriterPorts
  readonly #limits: RecordWriterLimits
  /** Records that belong together are in one batch where they fit: all of them are written, or none. */
  #pending: KeyAndValue[][] = []
  #written = 0
  #durable = 0
  #flushing = false
  #closed = false
  #waiting: Waiting[] = []
  #onIdle: () => void = () => {}
  #cancelTimeout: () => void = () => {}

  constructor(leadership: Leadership, ports: RecordWriterPorts, limits: RecordWriterLimits) {
    this.#leadership = leadership
    this.#ports = ports
    this.#limits = limits
  }

  write(records: KeyAndValue[]): void {
    if (this.#closed) return
    this.#pending.push(records)
    this.#written++
  }

  /** Calls `respond` once all records written so far are durable, or `timedOut` when their durability cannot be determined. */
  whenDurable(respond: () => void, timedOut: () => void): void {
    if (this.#closed) return
    if (this.#durable === this.#written) respond()
    else this.#waiting.push({ after: this.#written, respond, timedOut })
  }

  /** Rejects when the log rejects the append; the writer is closed then, since later records must not follow a gap. */
  async flush(): Promise<void> {
    if (this.#flushing) return
    this.#flushing = true
    try {
      while (this.#pending.length > 0) await this.#append()
    } catch (error) {
      this.timeOut()
      this.close()
      throw error
    } finally {
      this.#flushing = false
      this.#onIdle()
    }
  }

  /** Ends all waits. */
  timeOut(): void {
    for (const { timedOut } of this.#waiting.splice(0)) timedOut()
  }

  /** Discards records that have not been appended, and all waits. An append in progress continues. */
  close(): void {
    this.#closed = true
    this.#pending = []
    this.#waiting = []
    this.#cancelTimeout()
  }

  /** Resolves when no append is in progress. */
  get idle(): Promise<void> {
    return this.#flushing ? new Promise((resolve) => (this.#onIdle = resolve)) : Promise.resolve()
  }

  async #append(): Promise<void> {
    const { log, clock, after } = this.#ports
    const units = this.#pending
    const upTo = this.#written
    this.#pending = []
    this.#cancelTimeout = after(this.#limits.writeTimeoutMs, () => this.timeOut())
    await log.append(this.#leadership, this.#batches(units, BigInt(clock.now()))).finally(() => this.#cancelTimeout())
    this.#durable = upTo
    this.#release()
  }

  #release(): void {
    let count = 0
    while (count < this.#waiting.length && this.#waiting[count]!.after <= this.#durable) count++
    for (const { respond } of this.#waiting.splice(0, count)) respond()
  }

  #batches(units: readonly (readonly KeyAndValue[])[], timestamp: bigint): Buffer[] {
    const { batchBytesMax } = this.#limits
    const batches: Buffer[] = []
    let together: KeyAndValue[] = []
    let bytes: number = batchHeader.bytes
    const finish = (): void => {
      if (together.length > 0) batches.push(buildBatch(together.map((record) => ({ ...record, timestamp }))))
      together = []
      bytes = batchHeader.bytes
    }
    for (const unit of units) {
      const size = unit.reduce((sum, record) => sum + bytesOf(record), 0)
      if (bytes + size > batchBytesMax) finish()
      for (const record of unit) {
        assert(batchHeader.bytes + bytesOf(record) <= batchBytesMax, 'a record of a coordinator fits into a batch')
        if (bytes + bytesOf(record) > batchBytesMax) finish()
        together.push(record)
        bytes += bytesOf(record)
      }
    }
    finish()
    return batches
  }
}

const bytesOf = ({ key, value }: KeyAndValue): number => key.length + (value?.length ?? 0) + recordOverheadBytes
