/** An object's part of one stream. */
export interface StreamPart {
  readonly objectId: number
  readonly start: number
  readonly end: number
}

/** Which objects hold which records. Built from the metadata image, and kept up with it. */
export class ObjectMap {
  /** By stream, in the order of their offsets. */
  readonly #parts = new Map<number, StreamPart[]>()

  add(
    objectId: number,
    streams: readonly { readonly stream: number; readonly start: number | bigint; readonly end: number | bigint }[],
  ): void {
    for (const { stream, start, end } of streams) {
      const parts = this.#parts.get(stream) ?? []
      this.#parts.set(stream, parts)
      parts.push({ objectId, start: Number(start), end: Number(end) })
    }
  }

  forget(stream: number): void {
    this.#parts.delete(stream)
  }

  /** The part that holds `offset`, or the first behind it. */
  at(stream: number, offset: number): StreamPart | undefined {
    return this.from(stream, offset)[0]
  }

  /** The parts that hold `offset` and what lies behind it. */
  from(stream: number, offset: number): readonly StreamPart[] {
    const parts = this.#parts.get(stream) ?? []
    let low = 0
    let high = parts.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (parts[middle]!.end <= offset) low = middle + 1
      else high = middle
    }
    return parts.slice(low)
  }

  /** End of what is stored of a stream; 0 when nothing is. */
  end(stream: number): number {
    return this.#parts.get(stream)?.at(-1)?.end ?? 0
  }
}
