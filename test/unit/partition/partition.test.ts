import { expect, test } from 'vitest'
import { below, chance, type Prng, prng } from '../../../src/base/prng.ts'
import { Partition } from '../../../src/partition/partition.ts'

interface Batch {
  readonly base: number
  readonly count: number
  readonly position: number
  readonly bytes: number
  readonly maxTimestamp: number
}

const headerBytes = 72

/** A partition beside the list of its batches; every result is compared with a walk of the list. */
class Model {
  readonly partition = new Partition(1)
  batches: Batch[] = []
  durable = 0
  readonly #random: Prng
  #end = 4096
  #clock = 1.7e12

  constructor(random: Prng) {
    this.#random = random
  }

  append(batches: number): void {
    const p = this.#random
    for (let i = 0; i < batches; i++) {
      // Offsets of lost records are skipped, positions have the records of other partitions between them, timestamps go back and repeat.
      if (chance(p, 5)) this.partition.lose({ start: this.partition.next, end: this.partition.next + 1 + below(p, 10) })
      this.#end += headerBytes + (chance(p, 100) ? below(p, 100_000) : 0)
      this.#clock += chance(p, 100) ? -below(p, 5000) : below(p, 3)
      const bytes = 61 + below(p, 1000)
      const batch = { base: this.partition.next, count: 1 + below(p, 9), position: this.#end, bytes, maxTimestamp: this.#clock }
      this.partition.push(batch.base, batch.count, batch.position, bytes, batch.maxTimestamp)
      this.batches.push(batch)
      this.#end += bytes
    }
  }

  /** Part of the log becomes durable, is trimmed to a log start, or is removed from the WAL. */
  advance(): void {
    const p = this.#random
    const positionOf = (at: number): number => this.batches[at]!.position + this.batches[at]!.bytes - (chance(p, 300) ? 1 : 0)
    if (this.batches.length === 0) return
    this.durable = Math.max(this.durable, positionOf(this.batches.length - 1 - below(p, Math.min(50, this.batches.length))))
    this.partition.advanceDurable(this.durable)
    if (chance(p, 300))
      this.partition.logStart = Math.max(this.partition.logStart, this.batches[below(p, this.batches.length)]!.base + below(p, 9))
    if (chance(p, 300)) {
      const position = Math.min(this.durable, positionOf(below(p, this.batches.length)))
      this.partition.dropBelow(position)
      this.batches = this.batches.filter((batch) => batch.position + batch.bytes > position)
    }
  }

  get #durableBatches(): Batch[] {
    return this.batches.filter((batch) => batch.position + batch.bytes <= this.durable)
  }

  /** Entry of the first of the batches that a lookup may return, by a walk. */
  #walk(from: number, isFound: (batch: Batch, all: readonly Batch[]) => boolean): number {
    const ends = Math.max(from, this.partition.logStart)
    const readable = this.#durableBatches.filter(({ base, count }) => base + count > ends)
    const found = readable.find((batch) => isFound(batch, readable))
    return found === undefined ? -1 : this.batches.indexOf(found)
  }

  check(): void {
    const p = this.#random
    const { partition } = this
    const readable = this.#durableBatches
    const counted = chance(p, 300) ? 0 : below(p, partition.next + 10)
    const after = readable.filter(({ base, count }) => base + count > counted)
    const end = this.batches[readable.length]?.base ?? partition.next
    expect(partition.walStats(counted)).toEqual({
      start: after[0]?.base ?? end,
      end,
      bytes: after.reduce((sum, { bytes }) => sum + bytes, 0),
      oldest: after[0]?.maxTimestamp ?? -1,
    })
    const from = chance(p, 300) ? 0 : below(p, partition.next + 10)
    const timestamp = this.#clock + 10 - below(p, chance(p, 500) ? 100 : 20_000)
    expect(partition.firstSince(timestamp, from)).toBe(this.#walk(from, ({ maxTimestamp }) => maxTimestamp >= timestamp))
    let greatest: number | undefined
    const latest = this.#walk(from, ({ maxTimestamp }, all) => {
      greatest ??= all.reduce((most, batch) => Math.max(most, batch.maxTimestamp), Number.NEGATIVE_INFINITY)
      return maxTimestamp === greatest
    })
    expect(partition.latest(from)).toBe(latest)
    const [a, b] = [below(p, this.batches.length + 1), below(p, this.batches.length + 1)].sort((x, y) => x - y)
    const bytes = this.batches.slice(a, b).reduce((sum, batch) => sum + batch.bytes, 0)
    expect(partition.index.bytesBetween(a!, b!)).toBe(bytes)
  }
}

test.each(Array.from({ length: 12 }, (_, seed) => seed))(
  'partition: lookups and sums equal a walk of every batch after appends, losses, trims and removals, seed %i',
  (seed) => {
    const random = prng(seed)
    const model = new Model(random)
    model.check()
    for (let step = 0; step < 60; step++) {
      model.append(below(random, chance(random, 200) ? 3000 : 300))
      model.advance()
      for (let i = 0; i < 5; i++) model.check()
    }
    expect(model.partition.index.length).toBe(model.batches.length)
  },
)
