const windowFirst = 512 << 10
/** Maximum number of tracked readers; the least recently active one is removed first. */
const readersMax = 1024
/** After blocks were read ahead and evicted unused, there is no read-ahead for the partition for this time. */
const pauseMs = 60_000

/**
 * Computes the read-ahead of each reader. The window doubles with every read that starts where another one ended.
 *
 * Absent: identity of readers. A reader is recognised by the offset of its next read.
 */
export class ReadAhead {
  readonly #windowMax: number
  readonly #windows = new Map<string, number>()
  readonly #pausedUntil = new Map<number, number>()

  /** Maximum window in bytes. */
  constructor(windowMax: number) {
    this.#windowMax = windowMax
  }

  /** Records a read of [offset, end) of a partition. Returns the number of bytes from `end` on that should be read ahead. */
  onRead(partitionId: number, offset: number, end: number, nowMs: number): number {
    const before = this.#windows.get(`${partitionId}:${offset}`)
    this.#windows.delete(`${partitionId}:${offset}`)
    const window = before === undefined ? 0 : Math.min(this.#windowMax, before === 0 ? windowFirst : before * 2)
    this.#windows.set(`${partitionId}:${end}`, window)
    if (this.#windows.size > readersMax) this.#windows.delete(this.#windows.keys().next().value!)
    return nowMs < (this.#pausedUntil.get(partitionId) ?? 0) ? 0 : window
  }

  /** Blocks of the partition that were read ahead were evicted unused. */
  wasted(partitionId: number, nowMs: number): void {
    this.#pausedUntil.delete(partitionId)
    this.#pausedUntil.set(partitionId, nowMs + pauseMs)
    if (this.#pausedUntil.size > readersMax) this.#pausedUntil.delete(this.#pausedUntil.keys().next().value!)
  }
}
