import { assert } from '../../src/base/assert.ts'
import type { EpochStart, OffsetAndEpoch } from '../../src/ports/raft-log.ts'

/** Start offset of each epoch of a log, and the epoch of the record before the log. */
export class EpochStarts {
  #base: number
  #rows: EpochStart[] = []

  constructor(base: number) {
    this.#base = base
  }

  /** Ascending. The first epoch may begin below the start of the log. */
  get rows(): readonly EpochStart[] {
    return this.#rows
  }

  get last(): number {
    return this.#rows.at(-1)?.epoch ?? this.#base
  }

  add(epoch: number, start: number): void {
    assert(epoch >= this.last, 'epochs of a log do not decrease')
    if (this.#rows.at(-1)?.epoch !== epoch) this.#rows.push({ epoch, start })
  }

  /** Epoch of the last record below an offset of the log. */
  before(offset: number): number {
    return this.#rows.findLast(({ start }) => start < offset)?.epoch ?? this.#base
  }

  truncate(end: number): void {
    this.#rows = this.#rows.filter(({ start }) => start < end)
  }

  /** The log starts at `offset`, at or above its former start, and the record before has this epoch. */
  startAt({ offset, epoch }: OffsetAndEpoch): void {
    this.#base = epoch
    const first = this.#rows.findLastIndex((row) => row.start <= offset)
    this.#rows = this.#rows.slice(Math.max(0, first))
  }

  reset(snapshot: OffsetAndEpoch): void {
    this.#base = snapshot.epoch
    this.#rows = []
  }
}
