/** Latencies in buckets that grow with the value: whole microseconds up to 64, from there 64 buckets to each doubling (1.6 %). */
const stepsLog2 = 6
const steps = 1 << stepsLog2
const doublings = 30

export class Histogram {
  readonly #counts = new Float64Array(steps * (doublings - stepsLog2 + 2))
  #total = 0
  #maxMs = 0

  get count(): number {
    return this.#total
  }

  get maxMs(): number {
    return this.#maxMs
  }

  record(ms: number): void {
    const micros = Math.min(Math.max(0, Math.round(ms * 1000)), 2 ** doublings)
    this.#counts[bucketOf(micros)]! += 1
    this.#total += 1
    if (ms > this.#maxMs) this.#maxMs = ms
  }

  /** The value that `share` of all values do not exceed, up to a bucket's width. */
  quantileMs(share: number): number {
    let left = Math.ceil(this.#total * share)
    for (let bucket = 0; bucket < this.#counts.length; bucket += 1) {
      left -= this.#counts[bucket]!
      if (left <= 0) return Math.min(highestIn(bucket) / 1000, this.#maxMs)
    }
    return this.#maxMs
  }
}

function bucketOf(micros: number): number {
  const doubling = Math.max(0, 31 - Math.clz32(micros) - stepsLog2)
  return doubling * steps + (micros >>> doubling)
}

function highestIn(bucket: number): number {
  const doubling = Math.max(0, Math.floor(bucket / steps) - 1)
  return (bucket - doubling * steps + 1) * 2 ** doubling - 1
}
