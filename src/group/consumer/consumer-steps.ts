import type { Assignee } from '../assignors/assignor.ts'
import { assignorNamed } from '../assignors/assignors.ts'
import { equalPartitions, fromPartitions, noPartitions, type Partitions } from '../partitions.ts'
import { type ConsumerRecord, isTooLarge } from '../records.ts'
import { classicJoinKey, classicSyncKey, rebalanceKey, type Step, sessionKey, write } from '../step.ts'
import type { ConsumerGroup } from './consumer-group.ts'
import { type ConsumerMember, currentValue, isReconciled, joinEpoch, memberState, memberValue } from './consumer-member.ts'
import { metadataHash } from './metadata-hash.ts'
import { isSameStep, type Reconciling, reconcile } from './reconcile.ts'

/** Additional size of a member's current assignment over its target: an epoch for each partition, and the partitions to revoke. */
const currentShare = 5

/** Writes the records and applies them to the group. */
export function change(step: Step, group: ConsumerGroup, records: readonly ConsumerRecord[]): void {
  for (const record of records) group.apply(record)
  write(step, records)
}

export const memberRecord = ({ groupId }: { readonly groupId: string }, member: ConsumerMember): ConsumerRecord => ({
  type: 'consumerMember',
  groupId,
  memberId: member.memberId,
  value: memberValue(member),
})

export const currentRecord = ({ groupId }: ConsumerGroup, member: ConsumerMember): ConsumerRecord => ({
  type: 'consumerCurrent',
  groupId,
  memberId: member.memberId,
  value: currentValue(member),
})

export const targetRecord = ({ groupId }: ConsumerGroup, memberId: string, target: Partitions): ConsumerRecord => ({
  type: 'consumerTarget',
  groupId,
  memberId,
  value: { topicPartitions: fromPartitions(target) },
})

export const epochRecord = ({ groupId }: ConsumerGroup, epoch: number, hash: bigint): ConsumerRecord => ({
  type: 'consumerGroup',
  groupId,
  value: { epoch, metadataHash: hash },
})

/** A new epoch of the group: a new target assignment is required. */
export function nextEpoch(step: Step, group: ConsumerGroup, hash = metadataHash(group.subscribedTopics(), step.topics)): ConsumerRecord {
  step.counts.consumerRebalances++
  return epochRecord(group, group.epoch + 1, hash)
}

export const targetEpochRecord = ({ groupId }: ConsumerGroup, assignmentEpoch: number, now: number): ConsumerRecord => ({
  type: 'consumerTargetEpoch',
  groupId,
  value: { assignmentEpoch, assignmentTimestamp: BigInt(now) },
})

export const memberTombstones = ({ groupId }: ConsumerGroup, memberId: string): ConsumerRecord[] => [
  { type: 'consumerCurrent', groupId, memberId, value: null },
  { type: 'consumerTarget', groupId, memberId, value: null },
  { type: 'consumerMember', groupId, memberId, value: null },
]

/** All records that define the group. */
export function groupTombstones({ groupId, members, resolved }: ConsumerGroup): ConsumerRecord[] {
  const memberIds = [...members.keys()]
  return [
    ...memberIds.map((memberId): ConsumerRecord => ({ type: 'consumerCurrent', groupId, memberId, value: null })),
    ...memberIds.map((memberId): ConsumerRecord => ({ type: 'consumerTarget', groupId, memberId, value: null })),
    { type: 'consumerTargetEpoch', groupId, value: null },
    ...memberIds.map((memberId): ConsumerRecord => ({ type: 'consumerMember', groupId, memberId, value: null })),
    ...[...resolved.keys()].map((regularExpression) => expressionTombstone(groupId, regularExpression)),
    { type: 'consumerTopics', groupId, value: null },
    { type: 'consumerGroup', groupId, value: null },
  ]
}

export const expressionTombstone = (groupId: string, regularExpression: string): ConsumerRecord => ({
  type: 'consumerExpression',
  groupId,
  regularExpression,
  value: null,
})

/** Cancels all timers of a member. */
export function cancelTimers({ timers }: Step, groupId: string, memberId: string): void {
  for (const key of [sessionKey, rebalanceKey, classicJoinKey, classicSyncKey]) timers.cancel(key(groupId, memberId))
}

export function extendConsumerSession({ timers, now, limits }: Step, { groupId }: ConsumerGroup, member: ConsumerMember): void {
  const ms = member.classic?.sessionTimeoutMs ?? limits.consumer(groupId).sessionTimeoutMs
  timers.set(sessionKey(groupId, member.memberId), now + ms, { type: 'session', groupId, memberId: member.memberId })
}

/** Members leave, and the group has a new epoch. Expressions without a remaining user are removed. */
export function removeMembers(step: Step, group: ConsumerGroup, memberIds: readonly string[]): void {
  const expressions = new Set(memberIds.map((memberId) => group.members.get(memberId)!.expression))
  for (const memberId of memberIds) {
    change(step, group, memberTombstones(group, memberId))
    cancelTimers(step, group.groupId, memberId)
  }
  const unused = [...expressions].filter((expression) => group.resolved.has(expression) && group.countWith(expression) === 0)
  change(
    step,
    group,
    unused.map((expression) => expressionTombstone(group.groupId, expression)),
  )
  change(step, group, [nextEpoch(step, group)])
}

/**
 * A static member has returned with another member id and takes over the state of the old one. Returns it, with no fields of the request
 * applied yet.
 */
export function replaceMember(step: Step, group: ConsumerGroup, old: ConsumerMember, memberId: string): ConsumerMember {
  const target = group.targetOf(old.memberId)
  const member = { ...old, memberId, epoch: joinEpoch, previousEpoch: joinEpoch }
  change(step, group, memberTombstones(group, old.memberId))
  cancelTimers(step, group.groupId, old.memberId)
  change(step, group, [memberRecord(group, member), targetRecord(group, memberId, target), currentRecord(group, member)])
  return member
}

/** Starts a new epoch if the topics have changed or `isNew` is set. */
export function refreshMetadata(step: Step, group: ConsumerGroup, isNew: boolean): void {
  if (!isNew && !group.needsMetadata) return
  group.needsMetadata = false
  const hash = metadataHash(group.subscribedTopics(), step.topics)
  if (isNew || hash !== group.metadataHash) change(step, group, [nextEpoch(step, group, hash)])
}

/** Computes a target for the group's epoch, unless the last one is too recent: then a later heartbeat does. */
export function assignWhenDue(step: Step, group: ConsumerGroup): void {
  const { assignedAt, groupId } = group
  const age = step.now - assignedAt
  const { assignmentIntervalMs } = step.limits.consumer(groupId)
  if (group.epoch === group.assignmentEpoch || (assignedAt > 0 && age >= 0 && age < assignmentIntervalMs)) return
  const targets = assignorNamed(group.requestedAssignor ?? step.limits.assignors[0]!)(assigneesOf(step, group), (topicId) => {
    return step.topics.withId(topicId)!.partitions
  })
  const records: ConsumerRecord[] = []
  for (const [memberId, target] of targets) {
    const known = group.targets.get(memberId)
    if (known === undefined || !equalPartitions(known, target)) records.push(targetRecord(group, memberId, target))
  }
  // If the assignment is too large for a record, members keep their targets.
  if (records.some((record) => isTooLarge(record, step.limits.recordBytesMax / currentShare))) return
  change(step, group, [...records, targetEpochRecord(group, group.epoch, step.now)])
}

function assigneesOf(step: Step, group: ConsumerGroup): Assignee[] {
  const members = [...group.members.values()].sort((a, b) => (a.memberId < b.memberId ? -1 : 1))
  return members.map((member) => ({
    memberId: member.memberId,
    instanceId: member.instanceId,
    subscribed: subscribedIds(step, group, member),
    target: group.targetOf(member.memberId),
  }))
}

export function subscribedIds({ topics }: Step, group: ConsumerGroup, member: ConsumerMember): ReadonlySet<string> {
  const ids = new Set<string>()
  for (const name of group.topicsOf(member)) {
    const topic = topics.named(name)
    if (topic !== undefined) ids.add(topic.topicId)
  }
  return ids
}

/** Moves a member one step towards its target; returns the resulting member. */
export function reconcileMember(
  step: Step,
  group: ConsumerGroup,
  member: ConsumerMember,
  response: Pick<Reconciling, 'hasSubscriptionChanged' | 'owned'>,
): ConsumerMember {
  if (!response.hasSubscriptionChanged && isReconciled(member, group.assignmentEpoch)) return member
  const next = reconcile(member, {
    ...response,
    targetEpoch: group.assignmentEpoch,
    target: group.targets.get(member.memberId) ?? noPartitions,
    subscribed: subscribedIds(step, group, member),
    isOwned: (topicId, partition) => group.isOwned(topicId, partition),
  })
  if (isSameStep(next, member)) return member
  change(step, group, [currentRecord(group, next)])
  if (next.classic === null) awaitRevocation(step, group, next)
  return group.members.get(next.memberId)!
}

/** A member with partitions to revoke has its rebalance timeout to do so. */
export function awaitRevocation({ timers, now }: Step, { groupId }: ConsumerGroup, member: ConsumerMember): void {
  const { memberId, epoch, rebalanceTimeoutMs, state } = member
  const key = rebalanceKey(groupId, memberId)
  if (state !== memberState.unrevoked) timers.cancel(key)
  else timers.set(key, now + rebalanceTimeoutMs, { type: 'revocation', groupId, memberId, epoch })
}
