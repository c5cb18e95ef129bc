import type { Assign, Assignee } from './assignor.ts'

/**
 * Each topic is divided into ranges of consecutive partitions, one for each member that reads it. If the division has a remainder,
 * the first members get one more. Topics with equal partition counts are divided in the same way. Previous assignments have no effect.
 */
export const assignRange: Assign = (members, partitionCount) => {
  const readers = new Map<string, Assignee[]>()
  for (const member of [...members].sort(staticFirst)) {
    for (const topicId of member.subscribed) {
      const known = readers.get(topicId)
      if (known === undefined) readers.set(topicId, [member])
      else known.push(member)
    }
  }
  const targets = new Map(members.map(({ memberId }) => [memberId, new Map<string, Set<number>>()]))
  for (const [topicId, those] of readers) {
    const count = partitionCount(topicId)
    const each = Math.floor(count / those.length)
    const more = count % those.length
    let next = 0
    those.forEach(({ memberId }, index) => {
      const end = next + each + (index < more ? 1 : 0)
      const run = new Set<number>()
      while (next < end) run.add(next++)
      if (run.size > 0) targets.get(memberId)!.set(topicId, run)
    })
  }
  return targets
}

/** Static members are ordered by their instance id, so that a member that returns with another member id keeps its position. */
function staticFirst(a: Assignee, b: Assignee): number {
  if (a.instanceId !== null && b.instanceId !== null) return compare(a.instanceId, b.instanceId)
  if (a.instanceId !== null) return -1
  if (b.instanceId !== null) return 1
  return compare(a.memberId, b.memberId)
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
