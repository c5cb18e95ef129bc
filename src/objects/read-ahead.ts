const windowFirst = 512 << 10
/** Readers that are remembered; the one that has been silent for longest is forgotten first. */
const readersMax = 1024
/** After blocks were read ahead for nothing, a stream is left alone for this long. */
const pauseMs = 60_000

/**
 * How far to read ahead of whom: twice as far with every read that begins where another one ended.
 *
 * Absent: what a reader is. It is known by the offset at which it will go on.
 */
export class ReadAhead {
  readonly #windowMax: number
  readonly #windows = new Map<string, number>()
  readonly #pausedUntil = new Map<number, number>()

  /** Bytes at most. */
  constructor(windowMax: number) {
    this.#windowMax = windowMax
  }

  /** A read of [offset, end) of a stream: how many bytes from `end` on should be there before they are asked for. */
  onRead(stream: number, offset: number, end: number, nowMs: number): number {
    const before = this.#windows.get(`${stream}:${offset}`)
    this.#windows.delete(`${stream}:${offset}`)
    const window = before === undefined ? 0 : Math.min(this.#windowMax, before === 0 ? windowFirst : before * 2)
    this.#windows.set(`${stream}:${end}`, window)
    if (this.#windows.size > readersMax) this.#windows.delete(this.#windows.keys().next().value!)
    return nowMs < (this.#pausedUntil.get(stream) ?? 0) ? 0 : window
  }

  /** What had been read ahead of somebody made room again before they came. */
  wasted(stream: number, nowMs: number): void {
    this.#pausedUntil.delete(stream)
    this.#pausedUntil.set(stream, nowMs + pauseMs)
    if (this.#pausedUntil.size > readersMax) this.#pausedUntil.delete(this.#pausedUntil.keys().next().value!)
  }
}
