import { assert } from '../../src/base/assert.ts'
import type { EpochStart, OffsetAndEpoch, RaftBatch, RaftLog } from '../../src/ports/raft-log.ts'

const nothing: OffsetAndEpoch = { offset: 0, epoch: 0 }

/** A log in memory. An append becomes durable with `sync`; `crash` discards the others. */
export class MemoryRaftLog implements RaftLog {
  readonly isFull = false
  #base = nothing
  #start = nothing
  /** From `#base` on: like a file, the log retains batches below its start. */
  #batches: RaftBatch[] = []
  #syncedEnd = 0
  #waiting: (() => void)[] = []

  get start(): OffsetAndEpoch {
    return this.#start
  }

  get end(): OffsetAndEpoch {
    const last = this.#batches.at(-1)
    return last === undefined ? this.#base : { offset: last.endOffset, epoch: last.epoch }
  }

  get syncedEnd(): number {
    return this.#syncedEnd
  }

  get bytes(): number {
    return this.#batches.reduce((sum, { bytes }) => sum + bytes.length, 0)
  }

  get epochs(): readonly EpochStart[] {
    const found: EpochStart[] = []
    for (const { epoch, baseOffset } of this.#batches) if (found.at(-1)?.epoch !== epoch) found.push({ epoch, start: baseOffset })
    return found.slice(
      Math.max(
        0,
        found.findLastIndex(({ start }) => start <= this.#start.offset),
      ),
    )
  }

  epochBefore(offset: number): number {
    assert(offset >= this.#start.offset && offset <= this.end.offset, 'the offset is in the log')
    return this.#batches.findLast((batch) => batch.baseOffset < offset)?.epoch ?? this.#base.epoch
  }

  append(batches: readonly RaftBatch[]): Promise<void> {
    for (const batch of batches) {
      assert(batch.baseOffset === this.end.offset && batch.epoch >= this.end.epoch, 'a batch begins at the end of the log')
      this.#batches.push(batch)
    }
    return new Promise((done) => this.#waiting.push(done))
  }

  sync(): void {
    this.#syncedEnd = this.end.offset
    for (const done of this.#waiting.splice(0)) done()
  }

  /** What was not synced is lost, and the calls for it never resolve. */
  crash(): void {
    this.#waiting = []
    this.#batches = this.#batches.filter(({ endOffset }) => endOffset <= this.#syncedEnd)
  }

  async truncateTo(offset: number): Promise<void> {
    assert(offset === this.end.offset || this.#batches.some(({ baseOffset }) => baseOffset === offset), 'the offset is a boundary')
    this.#batches = this.#batches.filter(({ endOffset }) => endOffset <= offset)
    this.#syncedEnd = Math.min(this.#syncedEnd, offset)
  }

  read(from: number, upTo: number, bytesMax: number): Buffer {
    const parts: Buffer[] = []
    let taken = 0
    for (const { endOffset, bytes } of this.#batches) {
      if (endOffset <= from) continue
      if (endOffset > upTo || (taken > 0 && taken + bytes.length > bytesMax)) break
      taken += bytes.length
      parts.push(bytes)
    }
    return Buffer.concat(parts)
  }

  async roll(): Promise<void> {}

  async dropBelow(offset: number): Promise<void> {
    this.#start = { offset, epoch: this.epochBefore(offset) }
  }

  /** The start of a file at its next opening may be lower, by whole segments. */
  startAt(start: OffsetAndEpoch): void {
    assert(start.offset >= this.#base.offset && start.offset <= this.#start.offset, 'the start is in the log')
    this.#start = start
    assert(this.epochBefore(start.offset) === start.epoch, 'the start has the epoch of the record before')
  }

  async reset(snapshot: OffsetAndEpoch): Promise<void> {
    this.#base = this.#start = snapshot
    this.#batches = []
    this.#syncedEnd = snapshot.offset
  }

  async close(): Promise<void> {}
}
