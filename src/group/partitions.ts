import type { TopicPartitions } from './messages.ts'

/** Partitions by topic id: the target of a member. In ascending order. */
export type Partitions = ReadonlyMap<string, ReadonlySet<number>>

/** Partitions by topic id, each with the epoch in which its member got it. */
export type Owned = ReadonlyMap<string, ReadonlyMap<number, number>>

/** Either of them, for code that ignores the epochs. */
export type AnyPartitions = ReadonlyMap<string, { readonly size: number; has(partition: number): boolean; keys(): Iterable<number> }>

export const noPartitions: Partitions = new Map()
export const nothingOwned: Owned = new Map()

const ascending = (a: number, b: number): number => a - b

/** Topics without partitions are left out. */
export const toPartitions = (rows: readonly TopicPartitions[]): Partitions =>
  new Map(rows.flatMap(({ topicId, partitions }) => (partitions.length > 0 ? [[topicId, new Set([...partitions].sort(ascending))]] : [])))

export const fromPartitions = (partitions: AnyPartitions): { topicId: string; partitions: number[] }[] =>
  Array.from(partitions, ([topicId, each]) => ({ topicId, partitions: [...each.keys()].sort(ascending) }))

export function equalPartitions(a: AnyPartitions, b: AnyPartitions): boolean {
  if (a.size !== b.size) return false
  for (const [topicId, each] of a) {
    const other = b.get(topicId)
    if (other === undefined || other.size !== each.size) return false
    for (const partition of each.keys()) if (!other.has(partition)) return false
  }
  return true
}

/** Collects partitions of topics one by one. */
export class OwnedBuilder {
  readonly #topics = new Map<string, Map<number, number>>()

  add(topicId: string, partition: number, epoch: number): void {
    const known = this.#topics.get(topicId)
    if (known === undefined) this.#topics.set(topicId, new Map([[partition, epoch]]))
    else known.set(partition, epoch)
  }

  addAll(owned: Owned): void {
    for (const [topicId, each] of owned) for (const [partition, epoch] of each) this.add(topicId, partition, epoch)
  }

  get owned(): Owned {
    return this.#topics
  }
}

export function ownedAt(partitions: AnyPartitions, epoch: number): Owned {
  return new Map(
    Array.from(partitions, ([topicId, each]) => [topicId, new Map(Array.from(each.keys(), (partition) => [partition, epoch]))]),
  )
}
