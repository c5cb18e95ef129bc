import { assert } from '../base/assert.ts'
import type { SnapshotId } from './messages.ts'

/**
 * Start offset of each epoch in the log. The records before the log start have `baseEpoch` as their last epoch: that of the snapshot there.
 *
 * Invariant: epochs grow strictly, starts do not decrease and are at or above the base.
 */
export class EpochTable {
  #base = 0
  #baseEpoch = 0
  readonly #epochs: number[] = []
  readonly #starts: number[] = []

  /** Epoch of the last record; 0 for a log that never had one. */
  get last(): number {
    const { length } = this.#epochs
    return length === 0 ? this.#baseEpoch : this.#epochs[length - 1]!
  }

  get baseEpoch(): number {
    return this.#baseEpoch
  }

  append(epoch: number, start: number): void {
    const { last } = this
    assert(epoch >= last, 'epochs of a log do not decrease')
    if (epoch === last) return
    this.#epochs.push(epoch)
    this.#starts.push(start)
  }

  truncate(to: number): void {
    assert(to >= this.#base, 'a log is not truncated below its start')
    while (this.#starts.length > 0 && this.#starts[this.#starts.length - 1]! >= to) {
      this.#starts.pop()
      this.#epochs.pop()
    }
  }

  dropBelow(offset: number): void {
    assert(offset >= this.#base, 'the log start does not decrease')
    this.#baseEpoch = this.epochBefore(offset)
    this.#base = offset
    const keep = this.#starts.findIndex((start) => start >= offset)
    const dropped = keep < 0 ? this.#starts.length : keep
    this.#starts.splice(0, dropped)
    this.#epochs.splice(0, dropped)
  }

  reset({ offset, epoch }: SnapshotId): void {
    this.#base = offset
    this.#baseEpoch = epoch
    this.#epochs.length = 0
    this.#starts.length = 0
  }

  /** Epoch of the last record below an offset. */
  epochBefore(offset: number): number {
    for (let i = this.#starts.length - 1; i >= 0; i--) if (this.#starts[i]! < offset) return this.#epochs[i]!
    return this.#baseEpoch
  }

  /** The greatest epoch at or below `epoch`, and the offset behind its last record. */
  endOf(epoch: number, logEnd: number): SnapshotId {
    let i = this.#epochs.length - 1
    while (i >= 0 && this.#epochs[i]! > epoch) i--
    const offset = i + 1 < this.#starts.length ? this.#starts[i + 1]! : logEnd
    return { epoch: i >= 0 ? this.#epochs[i]! : this.#baseEpoch, offset }
  }
}
