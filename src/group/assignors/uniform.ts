import { assert } from '../../base/assert.ts'
import type { Assign, Assignee } from './assignor.ts'
import { assignMixed } from './mixed.ts'

/** Equal numbers of partitions for all members, regardless of the topics. As few partitions as possible change owners. */
export const assignUniform: Assign = (members, partitionCount) =>
  readTheSame(members) ? assignAlike(members, partitionCount) : assignMixed(members, partitionCount)

const readTheSame = ([first, ...others]: readonly Assignee[]): boolean =>
  others.every(({ subscribed }) => subscribed.size === first!.subscribed.size && [...subscribed].every((id) => first!.subscribed.has(id)))

type Part = readonly [topicId: string, partition: number]

interface Place {
  readonly memberId: string
  readonly kept: Map<string, Set<number>>
  room: number
}

/** Each member keeps the partitions that fit its share. The rest goes to members with room, partitions without an owner first. */
const assignAlike: Assign = (members, partitionCount) => {
  const topicIds = [...(members[0]?.subscribed ?? [])]
  const all = topicIds.reduce((sum, topicId) => sum + partitionCount(topicId), 0)
  const least = Math.floor(all / members.length)
  let more = all % members.length
  const rest = topicIds.flatMap((topicId) => unassigned(members, topicId, partitionCount(topicId)))
  const places = members.map(({ memberId, target, subscribed }, index): Place => {
    const takesMore = more > 0 ? 1 : 0
    const place = { memberId, kept: new Map(), room: least + takesMore }
    for (const [topicId, partitions] of target) if (subscribed.has(topicId)) keep(place, topicId, partitions, rest)
    // A member that cannot fill an extra place leaves it to later members, which may already own an extra partition.
    const leavesIt = place.room > 0 && members.length - index > more
    if (leavesIt) place.room -= takesMore
    else more -= takesMore
    return place
  })
  let next = 0
  for (const { kept, room } of places) {
    for (let left = room; left > 0 && next < rest.length; left--) add(kept, ...rest[next++]!)
  }
  assert(next === rest.length, 'every partition has a member')
  return new Map(places.map(({ memberId, kept }) => [memberId, kept]))
}

function unassigned(members: readonly Assignee[], topicId: string, count: number): Part[] {
  const free: Part[] = []
  const owned = new Set(members.flatMap(({ target }) => [...(target.get(topicId) ?? [])]))
  for (let partition = 0; partition < count; partition++) if (!owned.has(partition)) free.push([topicId, partition])
  return free
}

function keep(place: Place, topicId: string, partitions: ReadonlySet<number>, rest: Part[]): void {
  for (const partition of partitions) {
    if (place.room-- > 0) add(place.kept, topicId, partition)
    else rest.push([topicId, partition])
  }
  place.room = Math.max(0, place.room)
}

function add(kept: Map<string, Set<number>>, topicId: string, partition: number): void {
  const known = kept.get(topicId)
  if (known === undefined) kept.set(topicId, new Set([partition]))
  else known.add(partition)
}
