import { assert } from '../base/assert.ts'
import type { CoordinatorLog, PartitionId } from '../ports/partitions.ts'
import type { Clock } from '../ports/world.ts'
import { buildBatch } from '../wire/batch-builder.ts'
import { batchHeader } from '../wire/record-batch.ts'
import { encodeGroupRecord, type GroupRecord, type KeyAndValue } from './records.ts'

export interface GroupPartitionPorts {
  readonly log: CoordinatorLog
  readonly clock: Clock
  after(ms: number, wake: () => void): () => void
}

export interface GroupPartitionLimits {
  readonly batchBytesMax: number
  /** After this time, waiting requests are answered with an unknown result. */
  readonly patienceMs: number
}

interface Waiting {
  readonly after: number
  readonly say: () => void
  readonly giveUp: () => void
}

/** Of a record, besides key and value: its length, deltas and lengths. */
const recordOverheadBytes = 32

/** The writer of one partition of the offsets topic. Records that are written during an append go together into the next. */
export class GroupPartition {
  readonly partitionId: PartitionId
  readonly #ports: GroupPartitionPorts
  readonly #limits: GroupPartitionLimits
  /** Records that belong together are in one batch where they fit: all of them are written, or none. */
  #pending: KeyAndValue[][] = []
  #written = 0
  #durable = 0
  #flushing = false
  #waiting: Waiting[] = []

  constructor(partitionId: PartitionId, ports: GroupPartitionPorts, limits: GroupPartitionLimits) {
    this.partitionId = partitionId
    this.#ports = ports
    this.#limits = limits
  }

  write(records: readonly GroupRecord[]): void {
    this.#pending.push(records.map(encodeGroupRecord))
    this.#written++
  }

  /** Calls the first callback once all records written so far are durable, and `giveUp` when their durability cannot be determined. */
  whenDurable(say: () => void, giveUp: () => void): void {
    if (this.#durable === this.#written) say()
    else this.#waiting.push({ after: this.#written, say, giveUp })
  }

  /** Rejects when the log rejects the append, which happens when the partition is deleted. */
  async flush(): Promise<void> {
    if (this.#flushing) return
    this.#flushing = true
    const { log, clock, after } = this.#ports
    while (this.#pending.length > 0) {
      const units = this.#pending
      const upTo = this.#written
      this.#pending = []
      const cancel = after(this.#limits.patienceMs, () => this.giveUp())
      await log.append(this.partitionId, this.#batches(units, BigInt(clock.now()))).finally(cancel)
      this.#durable = upTo
      this.#release()
    }
    this.#flushing = false
  }

  /** Ends all waits. */
  giveUp(): void {
    for (const { giveUp } of this.#waiting.splice(0)) giveUp()
  }

  #release(): void {
    let count = 0
    while (count < this.#waiting.length && this.#waiting[count]!.after <= this.#durable) count++
    for (const { say } of this.#waiting.splice(0, count)) say()
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
        assert(batchHeader.bytes + bytesOf(record) <= batchBytesMax, 'a record of a group fits into a batch')
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
