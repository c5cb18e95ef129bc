import type { TopicPartitions } from '../messages.ts'
import { equalPartitions, nothingOwned, type Owned, OwnedBuilder, type Partitions } from '../partitions.ts'
import { atEpoch, type ConsumerMember, memberState } from './consumer-member.ts'

/** Input of a member's next step towards its target. */
export interface Reconciling {
  readonly targetEpoch: number
  readonly target: Partitions
  /** Ids of the topics that the member reads: the target may lag behind its subscription. */
  readonly subscribed: ReadonlySet<string>
  readonly hasSubscriptionChanged: boolean
  readonly isOwned: (topicId: string, partition: number) => boolean
  /** The partitions that the member reports as owned; null where it reports none. */
  readonly owned: readonly TopicPartitions[] | null
}

/**
 * Moves the member one step towards its target; returns the same object when no step is possible. It first revokes, in its current epoch.
 * After it has confirmed the revocation, it moves to the epoch of the target and gets the free partitions.
 */
export function reconcile(member: ConsumerMember, to: Reconciling): ConsumerMember {
  switch (member.state) {
    case memberState.unrevoked:
      if (stillHas(member.revoking, to.owned)) return to.hasSubscriptionChanged ? releaseUnsubscribed(member, to) : member
      return towardsTarget(member, member.epoch, to)
    case memberState.unreleased:
      return towardsTarget(member, member.epoch, to)
    default:
      return member.epoch === to.targetEpoch ? releaseUnsubscribed(member, to) : towardsTarget(member, member.epoch, to)
  }
}

/** A member that does not report its partitions is assumed to own all of them. */
function stillHas(revoking: Owned, owned: readonly TopicPartitions[] | null): boolean {
  if (owned === null) return true
  return owned.some(({ topicId, partitions }) => partitions.some((partition) => revoking.get(topicId)?.has(partition)))
}

/** Partitions of topics that the member does not read any more are revoked at once, regardless of the target. */
function releaseUnsubscribed(member: ConsumerMember, { subscribed, owned }: Reconciling): ConsumerMember {
  const assigned = new Map([...member.assigned].filter(([topicId]) => subscribed.has(topicId)))
  if (assigned.size === member.assigned.size) return member
  const revoking = new OwnedBuilder()
  revoking.addAll(member.revoking)
  revoking.addAll(new Map([...member.assigned].filter(([topicId]) => !subscribed.has(topicId))))
  const next = { ...member, assigned }
  if (!stillHas(revoking.owned, owned)) return next
  return { ...atEpoch(next, member.epoch), state: memberState.unrevoked, revoking: revoking.owned }
}

function towardsTarget(member: ConsumerMember, epoch: number, to: Reconciling): ConsumerMember {
  const assigned = new OwnedBuilder()
  const revoking = new OwnedBuilder()
  const free = new OwnedBuilder()
  let hasUnreleased = false
  const targetOf = (topicId: string): ReadonlySet<number> | undefined => (to.subscribed.has(topicId) ? to.target.get(topicId) : undefined)
  for (const [topicId, each] of member.assigned) {
    const target = targetOf(topicId)
    for (const [partition, since] of each) (target?.has(partition) ? assigned : revoking).add(topicId, partition, since)
  }
  for (const topicId of to.target.keys()) {
    for (const partition of targetOf(topicId) ?? []) {
      if (member.assigned.get(topicId)?.has(partition)) continue
      if (to.isOwned(topicId, partition)) hasUnreleased = true
      else free.add(topicId, partition, to.targetEpoch)
    }
  }
  if (revoking.owned.size > 0 && stillHas(revoking.owned, to.owned)) {
    return { ...atEpoch(member, epoch), state: memberState.unrevoked, assigned: assigned.owned, revoking: revoking.owned }
  }
  assigned.addAll(free.owned)
  const state = hasUnreleased ? memberState.unreleased : memberState.stable
  return { ...atEpoch(member, to.targetEpoch), state, assigned: assigned.owned, revoking: nothingOwned }
}

/** The response with the epoch may have been lost: the member then owns at most the partitions of that response. */
export function hasAtMost(member: ConsumerMember, owned: readonly TopicPartitions[] | null): boolean {
  return owned?.every(({ topicId, partitions }) => partitions.every((partition) => member.assigned.get(topicId)?.has(partition))) ?? false
}

export const isSameStep = (a: ConsumerMember, b: ConsumerMember): boolean =>
  a.epoch === b.epoch &&
  a.previousEpoch === b.previousEpoch &&
  a.state === b.state &&
  equalPartitions(a.assigned, b.assigned) &&
  equalPartitions(a.revoking, b.revoking)
