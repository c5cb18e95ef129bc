import { assert } from '../base/assert.ts'
import { assignMixed } from './assign-mixed.ts'
import type { Assign, Assignee } from './assignor.ts'

/** As many partitions for everybody, of whatever topics, and as few as possible change hands. */
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

/** Everybody keeps what fits its share; the rest, first what nobody had, goes to those who have room. */
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
    // Who has no use for one more yet leaves it to those behind, who may have it already.
    const leavesIt = place.room > 0 && members.length - index > more
    if (leavesIt) place.room -= takesMore
    else more -= takesMore
    return place
  })
  let next = 0
  for (const { kept, room } of places) {
    for (let left = room; left > 0 && next < rest.length; left--) add(kept, ...rest[next++]!)
  }
  assert(next === rest.length, 'every partition has found a member')
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
