import type { PartitionRef } from '../messages.ts'
import type { CommittedOffset, GroupRecord } from '../records.ts'

const noTime = -1n

/** What the groups of one coordinator have committed. */
export class Offsets {
  readonly #groups = new Map<string, Map<string, Map<number, CommittedOffset>>>()

  /** By topic and partition. */
  of(groupId: string): ReadonlyMap<string, ReadonlyMap<number, CommittedOffset>> {
    return this.#groups.get(groupId) ?? nothing
  }

  has(groupId: string): boolean {
    return this.#groups.has(groupId)
  }

  clear(): void {
    this.#groups.clear()
  }

  /** Null forgets the offset. */
  set(groupId: string, topic: string, partition: number, value: CommittedOffset | null): void {
    if (value === null) this.#forget(groupId, topic, partition)
    else {
      const topics = getOrMake(this.#groups, groupId, () => new Map<string, Map<number, CommittedOffset>>())
      getOrMake(topics, topic, () => new Map<number, CommittedOffset>()).set(partition, value)
    }
  }

  /** Removes offsets for which `isGone` returns true; returns their tombstones. */
  drop(groupId: string, isRemoved: (topic: string, partition: number, value: CommittedOffset) => boolean): GroupRecord[] {
    const removed: PartitionRef[] = []
    for (const [topic, partitions] of this.of(groupId)) {
      for (const [partition, value] of partitions) if (isRemoved(topic, partition, value)) removed.push({ topic, partition })
    }
    for (const { topic, partition } of removed) this.#forget(groupId, topic, partition)
    return removed.map(({ topic, partition }) => ({ type: 'offset', groupId, topic, partition, value: null }))
  }

  #forget(groupId: string, topic: string, partition: number): void {
    const topics = this.#groups.get(groupId)
    const partitions = topics?.get(topic)
    partitions?.delete(partition)
    if (partitions?.size === 0) topics!.delete(topic)
    if (topics?.size === 0) this.#groups.delete(groupId)
  }
}

const nothing: ReadonlyMap<string, ReadonlyMap<number, CommittedOffset>> = new Map()

function getOrMake<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key)
  if (value === undefined) map.set(key, (value = make()))
  return value
}

/** Requests of old clients contain the retention time; otherwise it counts from `from`. */
export function isExpired(value: CommittedOffset, from: number, now: number, retentionMs: number): boolean {
  return value.expireTimestamp === noTime ? now - from >= retentionMs : BigInt(now) >= value.expireTimestamp
}
