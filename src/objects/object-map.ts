/** An object's part of one partition. */
export interface StreamPart {
  readonly stream: number
  readonly objectId: number
  /** Size of the whole object. */
  readonly objectBytes: number
  readonly start: number
  readonly end: number
  /** Size of this part. */
  readonly bytes: number
  readonly maxTimestamp: number
}

export interface MappedObject {
  readonly objectId: number
  readonly bytes: number
  readonly streams: readonly {
    readonly stream: number
    readonly start: number | bigint
    readonly end: number | bigint
    readonly bytes: number
    readonly maxTimestamp: number | bigint
  }[]
}

/** Maps offsets of partitions to objects. Built from the metadata image, and updated with it. */
export class ObjectMap {
  /** By partition, in the order of their offsets. */
  readonly #parts = new Map<number, StreamPart[]>()

  /** Objects may be added in any order: compaction replaces old objects by new ones. */
  add({ objectId, bytes: objectBytes, streams }: MappedObject): void {
    for (const { stream, start, end, bytes, maxTimestamp } of streams) {
      const parts = this.#parts.get(stream) ?? []
      this.#parts.set(stream, parts)
      let at = parts.length
      while (at > 0 && parts[at - 1]!.start > Number(start)) at--
      const part = { stream, objectId, objectBytes, start: Number(start), end: Number(end), bytes, maxTimestamp: Number(maxTimestamp) }
      parts.splice(at, 0, part)
    }
  }

  /** The object is no longer read. */
  drop({ objectId, streams }: { readonly objectId: number; readonly streams: readonly { readonly stream: number }[] }): void {
    for (const { stream } of streams) {
      const parts = this.#parts.get(stream)?.filter((part) => part.objectId !== objectId)
      if (parts !== undefined) this.#parts.set(stream, parts)
    }
  }

  /** Whether records of a partition are still read from this object. */
  has({ stream, objectId, start }: StreamPart): boolean {
    return this.from(stream, start)[0]?.objectId === objectId
  }

  forget(stream: number): void {
    this.#parts.delete(stream)
  }

  /** The parts that contain `offset` and later offsets. */
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

  /** End offset of the stored records of a partition; 0 if there are none. */
  end(stream: number): number {
    return this.#parts.get(stream)?.at(-1)?.end ?? 0
  }
}
