import { errors } from '../../wire/errors.ts'
import { noBytes } from '../classic/classic-member.ts'
import { joinRefusal, syncRefusal } from '../classic/classic-rebalance.ts'
import { assignmentBytes, subscriptionOf } from '../classic/embedded-protocol.ts'
import { consumerProtocolType } from '../classic/subscription.ts'
import type { Asking, JoinAnswer, LeaveAnswer, MemberRef, SyncAnswer, TopicPartitions } from '../messages.ts'
import type { Partitions } from '../partitions.ts'
import { isTooLarge } from '../records.ts'
import { classicJoinKey, classicSyncKey, type Refusal, type Step } from '../step.ts'
import type { Topics } from '../topics.ts'
import type { ConsumerGroup } from './consumer-group.ts'
import { type ConsumerMember, equalTopics, memberState, newMember, saysSame, sortedTopics } from './consumer-member.ts'
import {
  assignWhenDue,
  change,
  extendConsumerSession,
  memberRecord,
  reconcileMember,
  refreshMetadata,
  replaceMember,
} from './consumer-steps.ts'
import { mayMix } from './migration-policy.ts'
import { dropUnused } from './topic-expressions.ts'

/**
 * Members of a consumer group that use the protocol of classic groups. Each sees a rebalance of its own: its generation is
 * its member epoch, JoinGroup and SyncGroup are answered at once, and no member is the leader.
 */

type Join = Asking<'join'>

export const classicSubscription = ({ protocols }: Join) => (protocols[0] === undefined ? undefined : subscriptionOf(protocols[0].metadata))

/** Why the group rejects a classic member. The group is still unchanged at this point. */
export function joinProblem(step: Step, group: ConsumerGroup, ask: Join): JoinAnswer | undefined {
  const { memberId, instanceId, protocolType, protocols } = ask
  if (group.members.size >= step.limits.consumersMax && !group.members.has(memberId)) return joinRefusal(errors.GROUP_MAX_SIZE_REACHED, '')
  if (
    !mayMix(step.limits.migration) ||
    protocolType !== consumerProtocolType ||
    !supports(
      group,
      protocols.map(({ name }) => name),
    )
  ) {
    return joinRefusal(errors.INCONSISTENT_GROUP_PROTOCOL, '')
  }
  if (classicSubscription(ask) === undefined) return joinRefusal(errors.INCONSISTENT_GROUP_PROTOCOL, '')
  if (isTooLarge(memberRecord(group, withJoin(newMember(memberId), ask)), step.limits.recordBytesMax)) {
    return joinRefusal(errors.UNKNOWN_SERVER_ERROR, memberId)
  }
  if (memberId === '' && instanceId === null && ask.knowsMemberIdRequired) return joinRefusal(errors.MEMBER_ID_REQUIRED, ask.uuid)
  if (instanceId === null || memberId === '') return undefined
  const refusal = memberRefusal(group, ask)
  return refusal && joinRefusal(refusal, '')
}

/** Whether all classic members support one common protocol. */
function supports(group: ConsumerGroup, names: readonly string[]): boolean {
  const known = [...group.members.values()].flatMap(({ classic }) => (classic === null ? [] : [classic.supportedProtocols]))
  return names.some((name) => known.every((protocols) => protocols.some((protocol) => protocol.name === name)))
}

/** Adds or updates a classic member. The caller has validated the request. */
export function joinConsumers(step: Step, group: ConsumerGroup, ask: Join): JoinAnswer {
  const { groupId } = group
  const before = subscribe(step, group, ask)
  const said = withJoin(before, ask)
  if (!group.members.has(said.memberId) || !saysSame(before, said)) change(step, group, [memberRecord(group, said)])
  dropUnused(step, group, before.expression)
  const hasSubscriptionChanged = !equalTopics(before.topics, said.topics) || before.expression !== ''
  refreshMetadata(step, group, hasSubscriptionChanged)
  assignWhenDue(step, group)
  const owned = ownedRows(classicSubscription(ask)!.ownedPartitions, step.topics)
  const member = reconcileMember(step, group, group.members.get(said.memberId)!, { hasSubscriptionChanged, owned })
  extendConsumerSession(step, group, member)
  step.timers.cancel(classicJoinKey(groupId, member.memberId))
  step.timers.set(classicSyncKey(groupId, member.memberId), step.now + ask.rebalanceTimeoutMs, {
    type: 'session',
    groupId,
    memberId: member.memberId,
  })
  return {
    ...joinRefusal(errors.NONE, member.memberId),
    generation: member.epoch,
    protocolType: consumerProtocolType,
    protocolName: ask.protocols[0]!.name,
  }
}

/** A JoinGroup request, converted to the fields of a consumer group member. */
function withJoin(member: ConsumerMember, ask: Join): ConsumerMember {
  const { rackId, topics } = classicSubscription(ask)!
  return {
    ...member,
    instanceId: ask.instanceId ?? member.instanceId,
    rackId: rackId ?? member.rackId,
    rebalanceTimeoutMs: ask.rebalanceTimeoutMs,
    topics: sortedTopics(topics),
    expression: '',
    clientId: ask.clientId,
    clientHost: ask.clientHost,
    classic: {
      sessionTimeoutMs: ask.sessionTimeoutMs,
      supportedProtocols: ask.protocols.map(({ name, metadata }) => ({ name, metadata })),
    },
  }
}

function subscribe(step: Step, group: ConsumerGroup, { memberId, instanceId, uuid }: Join): ConsumerMember {
  const known = instanceId === null ? group.members.get(memberId) : group.staticMember(instanceId)
  if (known === undefined) return newMember(memberId === '' ? uuid : memberId)
  return known.memberId === memberId ? known : replaceMember(step, group, known, uuid)
}

function ownedRows(
  owned: readonly { readonly topic: string; readonly partitions: readonly number[] }[],
  topics: Topics,
): TopicPartitions[] {
  return owned.flatMap(({ topic, partitions }) => {
    const known = topics.named(topic)
    return known === undefined ? [] : [{ topicId: known.topicId, partitions }]
  })
}

/** Why a request does not come from a classic member of this group. */
function memberRefusal(group: ConsumerGroup, { memberId, instanceId }: MemberRef): Refusal {
  if (instanceId === null) return group.members.has(memberId) ? undefined : errors.UNKNOWN_MEMBER_ID
  const known = group.statics.get(instanceId)
  if (known === undefined) return errors.UNKNOWN_MEMBER_ID
  return known === memberId ? undefined : errors.FENCED_INSTANCE_ID
}

function generationRefusal(group: ConsumerGroup, ask: MemberRef & { readonly generation: number }): Refusal {
  const refusal = memberRefusal(group, ask)
  if (refusal !== undefined) return refusal
  const member = group.members.get(ask.memberId)!
  if (member.classic === null) return errors.UNKNOWN_MEMBER_ID
  return member.epoch === ask.generation ? undefined : errors.ILLEGAL_GENERATION
}

/** The partitions of the member, in the consumer protocol. */
export function syncConsumers(step: Step, group: ConsumerGroup, ask: Asking<'sync'>): SyncAnswer {
  const refusal = generationRefusal(group, ask) ?? syncProblem(step, group, ask)
  if (refusal !== undefined) return syncRefusal(refusal)
  const member = group.members.get(ask.memberId)!
  step.timers.cancel(classicSyncKey(group.groupId, member.memberId))
  extendConsumerSession(step, group, member)
  const { protocolType, protocolName } = ask
  return { error: errors.NONE, protocolType, protocolName, assignment: assignmentOf(step, member) }
}

function syncProblem(step: Step, group: ConsumerGroup, ask: Asking<'sync'>): Refusal {
  const member = group.members.get(ask.memberId)!
  const { supportedProtocols } = member.classic!
  if (ask.protocolType !== null && ask.protocolType !== consumerProtocolType) return errors.INCONSISTENT_GROUP_PROTOCOL
  if (ask.protocolName !== null && ask.protocolName !== supportedProtocols[0]!.name) return errors.INCONSISTENT_GROUP_PROTOCOL
  // The last assignment is valid until there is a new one.
  if (group.assignmentEpoch <= member.epoch || member.state === memberState.unrevoked) return undefined
  awaitJoin(step, group, member)
  return errors.REBALANCE_IN_PROGRESS
}

const assignmentOf = ({ topics }: Step, { assigned, classic }: ConsumerMember): Buffer =>
  assignmentBytes(assigned, topics, classic!.supportedProtocols[0]!.metadata)

/** The target of a member, as a classic group records it. */
export const targetBytes = ({ topics }: Step, target: Partitions, { classic }: ConsumerMember): Buffer =>
  classic === null ? noBytes : assignmentBytes(target, topics, classic.supportedProtocols[0]!.metadata)

/** A member must join again when it has partitions to revoke or can get new ones. */
export function heartbeatConsumers(step: Step, group: ConsumerGroup, ask: Asking<'heartbeat'>): Refusal {
  const refusal = generationRefusal(group, ask)
  if (refusal !== undefined) return refusal
  const member = group.members.get(ask.memberId)!
  extendConsumerSession(step, group, member)
  const isCalled =
    member.epoch < group.epoch ||
    member.state === memberState.unrevoked ||
    (member.state === memberState.unreleased && !waitsForOthers(group, member))
  if (!isCalled) return undefined
  awaitJoin(step, group, member)
  return errors.REBALANCE_IN_PROGRESS
}

function waitsForOthers(group: ConsumerGroup, { memberId, assigned }: ConsumerMember): boolean {
  for (const [topicId, partitions] of group.targetOf(memberId)) {
    for (const partition of partitions) {
      if (!assigned.get(topicId)?.has(partition) && group.isOwned(topicId, partition)) return true
    }
  }
  return false
}

/** A member that must join again has its rebalance timeout to do so. */
function awaitJoin({ timers, now }: Step, { groupId }: ConsumerGroup, { memberId, rebalanceTimeoutMs }: ConsumerMember): void {
  const key = classicJoinKey(groupId, memberId)
  if (!timers.has(key)) timers.set(key, now + rebalanceTimeoutMs, { type: 'session', groupId, memberId })
}

/** Members of either protocol can be removed by LeaveGroup. `gone` are those that are; the response names them as the request did. */
export function leavingConsumers(
  group: ConsumerGroup,
  { members }: Asking<'leave'>,
): { readonly answer: LeaveAnswer; readonly gone: ReadonlySet<string> } {
  const gone = new Set<string>()
  const answered = members.map((ref) => {
    const memberId = ref.memberId === '' && ref.instanceId !== null ? (group.statics.get(ref.instanceId) ?? '') : ref.memberId
    const error = memberRefusal(group, { ...ref, memberId }) ?? errors.NONE
    if (error === errors.NONE) gone.add(memberId)
    return { ...ref, error }
  })
  return { answer: { error: errors.NONE, members: answered }, gone }
}
