import { assert } from '../base/assert.ts'
import type { PartitionId } from '../ports/partitions.ts'
import type { StoredObject, StoredPart } from '../ports/stored-objects.ts'

/** An object with its readable parts. */
export interface MappedObject {
  readonly objectId: number
  readonly bytes: number
  /** The object was written with parts of several partitions that nothing has replaced; some of them may be unreadable by now. */
  readonly isMulti: boolean
  readonly parts: readonly StoredPart[]
}

interface Entry {
  readonly objectId: number
  readonly bytes: number
  /** Number of parts that no compaction by key has replaced. */
  recorded: number
  parts: StoredPart[]
}

/** Changes since the owner of this set read it last. The owner removes what it has processed. */
export interface Changes {
  readonly partitions: Set<PartitionId>
  readonly objects: Set<number>
}

/** First readable offset of a partition; undefined when the partition is deleted. */
export type LogStarts = (partitionId: PartitionId) => number | undefined

/**
 * Maps offsets of partitions to objects, and objects to their readable parts. Built from the metadata image, and updated with it.
 *
 * Invariant: an object has the parts that are in the lists of their partitions.
 */
export class ObjectMap {
  readonly #logStarts: LogStarts
  /** By partition, in the order of their offsets. */
  readonly #parts = new Map<PartitionId, StoredPart[]>()
  readonly #bytes = new Map<PartitionId, number>()
  /** End offset of all parts that a partition has had. */
  readonly #ends = new Map<PartitionId, number>()
  readonly #objects = new Map<number, Entry>()
  readonly #watched: Changes[] = []

  constructor(logStarts: LogStarts) {
    this.#logStarts = logStarts
  }

  /** Objects may be added in any order: compaction replaces old objects by new ones. */
  add({ objectId, bytes: objectBytes, parts }: StoredObject): void {
    assert(!this.#objects.has(objectId), `object ${objectId} is added once`)
    const entry: Entry = { objectId, bytes: objectBytes, recorded: parts.length, parts: [] }
    this.#objects.set(objectId, entry)
    for (const { partitionId, start, end, bytes, maxTimestamp } of parts) {
      const logStart = this.#logStarts(partitionId)
      if (logStart === undefined) continue
      this.#ends.set(partitionId, Math.max(this.end(partitionId), end))
      if (end <= logStart) continue
      const part = { partitionId, objectId, objectBytes, start, end, bytes, maxTimestamp }
      entry.parts.push(part)
      this.#insert(part)
    }
    this.#changed(entry)
  }

  /** The object is no longer read, and no longer counted: it is replaced, or marked. */
  drop(objectId: number): void {
    const entry = this.#objects.get(objectId)
    if (entry === undefined) return
    for (const part of entry.parts) this.#remove(part)
    this.#objects.delete(objectId)
  }

  /** The part of one partition is no longer read. */
  dropPart(objectId: number, partitionId: PartitionId): void {
    const entry = this.#objects.get(objectId)
    if (entry === undefined) return
    entry.recorded--
    for (const part of entry.parts.filter((each) => each.partitionId === partitionId)) this.#detach(entry, part)
  }

  /** Records below `logStart` are deleted. */
  trim(partitionId: PartitionId, logStart: number): void {
    const parts = this.#parts.get(partitionId) ?? []
    let dead = 0
    while (dead < parts.length && parts[dead]!.end <= logStart) dead++
    for (const part of parts.slice(0, dead)) this.#detach(this.#objects.get(part.objectId)!, part)
  }

  /** The partition is deleted. */
  forget(partitionId: PartitionId): void {
    for (const part of [...(this.#parts.get(partitionId) ?? [])]) this.#detach(this.#objects.get(part.objectId)!, part)
    this.#parts.delete(partitionId)
    this.#bytes.delete(partitionId)
    this.#ends.delete(partitionId)
  }

  object(objectId: number): MappedObject | undefined {
    const entry = this.#objects.get(objectId)
    return entry && { objectId, bytes: entry.bytes, isMulti: entry.recorded > 1, parts: entry.parts }
  }

  /** Whether records of a partition are still read from this object. */
  has({ partitionId, objectId, start }: StoredPart): boolean {
    return this.from(partitionId, start)[0]?.objectId === objectId
  }

  /** The parts that contain `offset` and later offsets. */
  from(partitionId: PartitionId, offset: number): readonly StoredPart[] {
    const parts = this.#parts.get(partitionId) ?? []
    return parts.slice(indexOf(parts, offset))
  }

  /** The same parts, one at a time. They must not change in the meantime. */
  *each(partitionId: PartitionId, offset: number): Generator<StoredPart, void, void> {
    const parts = this.#parts.get(partitionId) ?? []
    for (let at = indexOf(parts, offset); at < parts.length; at++) yield parts[at]!
  }

  /** The first of these parts. */
  first(partitionId: PartitionId, offset: number): StoredPart | undefined {
    const parts = this.#parts.get(partitionId) ?? []
    return parts[indexOf(parts, offset)]
  }

  /** Total size of these parts. Costs as much as there are parts before `offset`: none, for the log start. */
  bytesFrom(partitionId: PartitionId, offset: number): number {
    let bytes = this.#bytes.get(partitionId) ?? 0
    for (const part of this.#parts.get(partitionId) ?? []) {
      if (part.end > offset) break
      bytes -= part.bytes
    }
    return bytes
  }

  /** End offset of the stored records of a partition; 0 if there are none. */
  end(partitionId: PartitionId): number {
    return this.#ends.get(partitionId) ?? 0
  }

  /** The returned sets contain everything at first, and then receive every change. */
  watch(): Changes {
    const changes: Changes = { partitions: new Set(this.#parts.keys()), objects: new Set(this.#objects.keys()) }
    this.#watched.push(changes)
    return changes
  }

  #insert(part: StoredPart): void {
    const { partitionId } = part
    const parts = this.#parts.get(partitionId) ?? []
    this.#parts.set(partitionId, parts)
    let at = parts.length
    while (at > 0 && parts[at - 1]!.start > part.start) at--
    parts.splice(at, 0, part)
    this.#bytes.set(partitionId, (this.#bytes.get(partitionId) ?? 0) + part.bytes)
    for (const { partitions } of this.#watched) partitions.add(partitionId)
  }

  #remove(part: StoredPart): void {
    const { partitionId } = part
    const parts = this.#parts.get(partitionId)
    const at = parts?.indexOf(part) ?? -1
    assert(parts !== undefined && at >= 0, 'a part of an object is in the list of its partition')
    parts.splice(at, 1)
    this.#bytes.set(partitionId, this.#bytes.get(partitionId)! - part.bytes)
    for (const { partitions } of this.#watched) partitions.add(partitionId)
  }

  #detach(entry: Entry, part: StoredPart): void {
    this.#remove(part)
    entry.parts = entry.parts.filter((each) => each !== part)
    this.#changed(entry)
  }

  #changed({ objectId }: Entry): void {
    for (const { objects } of this.#watched) objects.add(objectId)
  }
}

/** Index of the first part that ends after `offset`. */
function indexOf(parts: readonly StoredPart[], offset: number): number {
  let low = 0
  let high = parts.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (parts[middle]!.end <= offset) low = middle + 1
    else high = middle
  }
  return low
}
