import type { StoredPart } from '../ports/stored-objects.ts'

export interface MappedObject {
  readonly objectId: number
  readonly bytes: number
  readonly parts: readonly {
    readonly partitionId: number
    readonly start: number | bigint
    readonly end: number | bigint
    readonly bytes: number
    readonly maxTimestamp: number | bigint
  }[]
}

/** Maps offsets of partitions to objects. Built from the metadata image, and updated with it. */
export class ObjectMap {
  /** By partition, in the order of their offsets. */
  readonly #parts = new Map<number, StoredPart[]>()

  /** Objects may be added in any order: compaction replaces old objects by new ones. */
  add({ objectId, bytes: objectBytes, parts }: MappedObject): void {
    for (const { partitionId, start, end, bytes, maxTimestamp } of parts) {
      const parts = this.#parts.get(partitionId) ?? []
      this.#parts.set(partitionId, parts)
      let at = parts.length
      while (at > 0 && parts[at - 1]!.start > Number(start)) at--
      const part = { partitionId, objectId, objectBytes, start: Number(start), end: Number(end), bytes, maxTimestamp: Number(maxTimestamp) }
      parts.splice(at, 0, part)
    }
  }

  /** The object is no longer read. */
  drop({ objectId, parts }: { readonly objectId: number; readonly parts: readonly { readonly partitionId: number }[] }): void {
    for (const { partitionId } of parts) {
      const parts = this.#parts.get(partitionId)?.filter((part) => part.objectId !== objectId)
      if (parts !== undefined) this.#parts.set(partitionId, parts)
    }
  }

  /** Whether records of a partition are still read from this object. */
  has({ partitionId, objectId, start }: StoredPart): boolean {
    return this.from(partitionId, start)[0]?.objectId === objectId
  }

  forget(partitionId: number): void {
    this.#parts.delete(partitionId)
  }

  /** The parts that contain `offset` and later offsets. */
  from(partitionId: number, offset: number): readonly StoredPart[] {
    const parts = this.#parts.get(partitionId) ?? []
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
  end(partitionId: number): number {
    return this.#parts.get(partitionId)?.at(-1)?.end ?? 0
  }
}
