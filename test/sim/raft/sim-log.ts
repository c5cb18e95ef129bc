import type { Batch, SnapshotId, Voter } from '../../../src/raft/messages.ts'
import { violation } from './violation.ts'

/** A snapshot, with the hash of all records that it contains in place of their effects. */
export interface StoredSnapshot extends SnapshotId {
  readonly bytes: number
  readonly hash: number
  readonly voters: readonly Voter[]
  readonly kraftVersion: number
}

/** Batches in order, from the log start on. */
export class SimLog {
  start: number
  batches: Batch[]

  constructor(start: number, batches: Batch[]) {
    this.start = start
    this.batches = batches
  }

  get end(): number {
    const { length } = this.batches
    return length === 0 ? this.start : this.batches[length - 1]!.endOffset
  }

  /** Index of the first batch that ends behind an offset. */
  indexOf(offset: number): number {
    const { batches } = this
    let low = 0
    let high = batches.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (batches[middle]!.endOffset <= offset) low = middle + 1
      else high = middle
    }
    return low
  }

  /** The log has a batch, or its snapshot does. */
  has(batch: Batch): boolean {
    return batch.endOffset <= this.start || this.batches[this.indexOf(batch.baseOffset)] === batch
  }

  append(batch: Batch): void {
    if (batch.baseOffset !== this.end) violation('the shell appends without a gap')
    this.batches.push(batch)
  }

  truncate(to: number): void {
    this.batches.length = this.indexOf(to)
    if (this.end !== to && this.end > to) violation('a truncation is at the boundary of a batch')
  }

  dropBelow(offset: number): void {
    this.batches = this.batches.slice(this.indexOf(offset))
    this.start = offset
  }
}
