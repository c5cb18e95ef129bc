import type { Assign } from './assignor.ts'

/** Maximum number of passes over all topics. One is usual; the limit ends passes that keep moving the same partitions. */
const roundsMax = 16

/** A topic and the members that read it. */
interface Topic {
  readonly topicId: string
  /** Indexes of members. */
  readonly readers: readonly number[]
  /** The owner of each partition; -1 for none. */
  readonly owners: Int32Array
}

/**
 * Members that read different topics. Each member keeps the partitions that it still reads.
 * Unassigned partitions go to the reader with the fewest partitions, topics with few readers first.
 * Partitions then move from the most loaded reader to the least loaded one, as long as that reduces the difference.
 */
export const assignMixed: Assign = (members, partitionCount) => {
  const loads = new Int32Array(members.length)
  const topics = new Map<string, { readonly topicId: string; readonly readers: number[]; readonly owners: Int32Array }>()
  members.forEach(({ subscribed }, index) => {
    for (const topicId of subscribed) {
      const known = topics.get(topicId)
      if (known !== undefined) known.readers.push(index)
      else topics.set(topicId, { topicId, readers: [index], owners: new Int32Array(partitionCount(topicId)).fill(-1) })
    }
  })
  members.forEach(({ subscribed, target }, index) => {
    for (const [topicId, partitions] of target) {
      if (!subscribed.has(topicId)) continue
      const { owners } = topics.get(topicId)!
      for (const partition of partitions) {
        if (partition >= owners.length || owners[partition] !== -1) continue
        owners[partition] = index
        loads[index]!++
      }
    }
  })
  const sorted = [...topics.values()].sort(crowdedFirst)
  for (const topic of sorted) assignRest(topic, loads)
  balance(
    sorted.filter(({ readers }) => readers.length > 1),
    loads,
  )
  const targets = members.map(() => new Map<string, Set<number>>())
  for (const { topicId, owners } of sorted) {
    owners.forEach((owner, partition) => {
      const known = targets[owner]!.get(topicId)
      if (known === undefined) targets[owner]!.set(topicId, new Set([partition]))
      else known.add(partition)
    })
  }
  return new Map(members.map(({ memberId }, index) => [memberId, targets[index]!]))
}

function crowdedFirst(a: Topic, b: Topic): number {
  const crowd = b.owners.length / b.readers.length - a.owners.length / a.readers.length
  return crowd || a.readers.length - b.readers.length || (a.topicId < b.topicId ? -1 : 1)
}

function assignRest({ readers, owners }: Topic, loads: Int32Array): void {
  owners.forEach((owner, partition) => {
    if (owner !== -1) return
    const least = leastLoaded(readers, loads)
    owners[partition] = least
    loads[least]!++
  })
}

function leastLoaded(readers: readonly number[], loads: Int32Array): number {
  let least = readers[0]!
  for (const reader of readers) if (loads[reader]! < loads[least]!) least = reader
  return least
}

function balance(topics: readonly Topic[], loads: Int32Array): void {
  for (let round = 0; round < roundsMax; round++) {
    let moved = 0
    for (const topic of topics) moved += balanceTopic(topic, loads)
    if (moved === 0) return
  }
}

/** Number of partitions moved from the most loaded owner of this topic to the least loaded reader. */
function balanceTopic({ readers, owners }: Topic, loads: Int32Array): number {
  const own = new Map<number, number[]>(readers.map((reader) => [reader, []]))
  owners.forEach((owner, partition) => {
    own.get(owner)!.push(partition)
  })
  for (let moved = 0; ; moved++) {
    const least = leastLoaded(readers, loads)
    let most = -1
    for (const reader of readers) if (own.get(reader)!.length > 0 && (most < 0 || loads[reader]! >= loads[most]!)) most = reader
    if (most < 0 || loads[most]! - loads[least]! <= 1) return moved
    const partition = own.get(most)!.pop()!
    own.get(least)!.push(partition)
    owners[partition] = least
    loads[most]!--
    loads[least]!++
  }
}
