/** An object's part of one stream. */
export interface StreamPart {
  readonly stream: number
  readonly objectId: number
  /** Of the whole object. */
  readonly bytes: number
  readonly start: number
  readonly end: number
}

export interface MappedObject {
  readonly objectId: number
  readonly bytes: number
  readonly streams: readonly { readonly stream: number; readonly start: number | bigint; readonly end: number | bigint }[]
}

/** Which objects hold which records. Built from the metadata image, and kept up with it. */
export class ObjectMap {
  /** By stream, in the order of their offsets. */
  readonly #parts = new Map<number, StreamPart[]>()

  add({ objectId, bytes, streams }: MappedObject): void {
    for (const { stream, start, end } of streams) {
      const parts = this.#parts.get(stream) ?? []
      this.#parts.set(stream, parts)
      parts.push({ stream, objectId, bytes, start: Number(start), end: Number(end) })
    }
  }

  /** Nobody reads this object any more. */
  drop({ objectId, streams }: { readonly objectId: number; readonly streams: readonly { readonly stream: number }[] }): void {
    for (const { stream } of streams) {
      const parts = this.#parts.get(stream)?.filter((part) => part.objectId !== objectId)
      if (parts !== undefined) this.#parts.set(stream, parts)
    }
  }

  /** Whether records of a stream are still read from this object. */
  has({ stream, objectId, start }: StreamPart): boolean {
    return this.from(stream, start)[0]?.objectId === objectId
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
