import { errors } from '../../wire/errors.ts'
import { noBytes } from '../classic/classic-member.ts'
import { joinError, syncError } from '../classic/classic-rebalance.ts'
import { assignmentBytes, subscriptionOf } from '../classic/embedded-protocol.ts'
import { consumerProtocolType } from '../classic/subscription.ts'
import type { JoinResponse, LeaveResponse, MemberRef, RequestOf, SyncResponse, TopicPartitions } from '../messages.ts'
import type { Partitions } from '../partitions.ts'
import { isTooLarge } from '../records.ts'
import { classicJoinKey, classicSyncKey, type OptionalError, type Step } from '../step.ts'
import type { Topics } from '../topics.ts'
import type { ConsumerGroup } from './consumer-group.ts'
import { type ConsumerMember, equalTopics, isUnchanged, memberState, newMember, sortedTopics } from './consumer-member.ts'
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

type Join = RequestOf<'join'>

export const classicSubscription = ({ protocols }: Join) => (protocols[0] === undefined ? undefined : subscriptionOf(protocols[0].metadata))

/** Why the group rejects a classic member. The group is still unchanged at this point. */
export function classicJoinError(step: Step, group: ConsumerGroup, request: Join): JoinResponse | undefined {
  const { memberId, instanceId, protocolType, protocols } = request
  if (group.members.size >= step.limits.consumersMax && !group.members.has(memberId)) return joinError(errors.GROUP_MAX_SIZE_REACHED, '')
  if (
    !mayMix(step.limits.migration) ||
    protocolType !== consumerProtocolType ||
    !supports(
      group,
      protocols.map(({ name }) => name),
    )
  ) {
    return joinError(errors.INCONSISTENT_GROUP_PROTOCOL, '')
  }
  if (classicSubscription(request) === undefined) return joinError(errors.INCONSISTENT_GROUP_PROTOCOL, '')
  if (isTooLarge(memberRecord(group, withJoin(newMember(memberId), request)), step.limits.recordBytesMax)) {
    return joinError(errors.UNKNOWN_SERVER_ERROR, memberId)
  }
  if (memberId === '' && instanceId === null && request.supportsMemberIdRequired) return joinError(errors.MEMBER_ID_REQUIRED, request.uuid)
  if (instanceId === null || memberId === '') return undefined
  const error = memberError(group, request)
  return error && joinError(error, '')
}

/** Whether all classic members support one common protocol. */
function supports(group: ConsumerGroup, names: readonly string[]): boolean {
  const known = [...group.members.values()].flatMap(({ classic }) => (classic === null ? [] : [classic.supportedProtocols]))
  return names.some((name) => known.every((protocols) => protocols.some((protocol) => protocol.name === name)))
}

/** Adds or updates a classic member. The caller has validated the request. */
export function joinConsumers(step: Step, group: ConsumerGroup, request: Join): JoinResponse {
  const { groupId } = group
  const before = subscribe(step, group, request)
  const response = withJoin(before, request)
  if (!group.members.has(response.memberId) || !isUnchanged(before, response)) change(step, group, [memberRecord(group, response)])
  dropUnused(step, group, before.expression)
  const hasSubscriptionChanged = !equalTopics(before.topics, response.topics) || before.expression !== ''
  refreshMetadata(step, group, hasSubscriptionChanged)
  assignWhenDue(step, group)
  const owned = ownedRows(classicSubscription(request)!.ownedPartitions, step.topics)
  const member = reconcileMember(step, group, group.members.get(response.memberId)!, { hasSubscriptionChanged, owned })
  extendConsumerSession(step, group, member)
  step.timers.cancel(classicJoinKey(groupId, member.memberId))
  step.timers.set(classicSyncKey(groupId, member.memberId), step.now + request.rebalanceTimeoutMs, {
    type: 'session',
    groupId,
    memberId: member.memberId,
  })
  return {
    ...joinError(errors.NONE, member.memberId),
    generation: member.epoch,
    protocolType: consumerProtocolType,
    protocolName: request.protocols[0]!.name,
  }
}

/** A JoinGroup request, converted to the fields of a consumer group member. */
function withJoin(member: ConsumerMember, request: Join): ConsumerMember {
  const { rackId, topics } = classicSubscription(request)!
  return {
    ...member,
    instanceId: request.instanceId ?? member.instanceId,
    rackId: rackId ?? member.rackId,
    rebalanceTimeoutMs: request.rebalanceTimeoutMs,
    topics: sortedTopics(topics),
    expression: '',
    clientId: request.clientId,
    clientHost: request.clientHost,
    classic: {
      sessionTimeoutMs: request.sessionTimeoutMs,
      supportedProtocols: request.protocols.map(({ name, metadata }) => ({ name, metadata })),
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
function memberError(group: ConsumerGroup, { memberId, instanceId }: MemberRef): OptionalError {
  if (instanceId === null) return group.members.has(memberId) ? undefined : errors.UNKNOWN_MEMBER_ID
  const known = group.statics.get(instanceId)
  if (known === undefined) return errors.UNKNOWN_MEMBER_ID
  return known === memberId ? undefined : errors.FENCED_INSTANCE_ID
}

function generationError(group: ConsumerGroup, request: MemberRef & { readonly generation: number }): OptionalError {
  const error = memberError(group, request)
  if (error !== undefined) return error
  const member = group.members.get(request.memberId)!
  if (member.classic === null) return errors.UNKNOWN_MEMBER_ID
  return member.epoch === request.generation ? undefined : errors.ILLEGAL_GENERATION
}

/** The partitions of the member, in the consumer protocol. */
export function syncConsumers(step: Step, group: ConsumerGroup, request: RequestOf<'sync'>): SyncResponse {
  const error = generationError(group, request) ?? syncProtocolError(step, group, request)
  if (error !== undefined) return syncError(error)
  const member = group.members.get(request.memberId)!
  step.timers.cancel(classicSyncKey(group.groupId, member.memberId))
  extendConsumerSession(step, group, member)
  const { protocolType, protocolName } = request
  return { error: errors.NONE, protocolType, protocolName, assignment: assignmentOf(step, member) }
}

function syncProtocolError(step: Step, group: ConsumerGroup, request: RequestOf<'sync'>): OptionalError {
  const member = group.members.get(request.memberId)!
  const { supportedProtocols } = member.classic!
  if (request.protocolType !== null && request.protocolType !== consumerProtocolType) return errors.INCONSISTENT_GROUP_PROTOCOL
  if (request.protocolName !== null && request.protocolName !== supportedProtocols[0]!.name) return errors.INCONSISTENT_GROUP_PROTOCOL
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
export function heartbeatConsumers(step: Step, group: ConsumerGroup, request: RequestOf<'heartbeat'>): OptionalError {
  const error = generationError(group, request)
  if (error !== undefined) return error
  const member = group.members.get(request.memberId)!
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
  { members }: RequestOf<'leave'>,
): { readonly response: LeaveResponse; readonly removed: ReadonlySet<string> } {
  const removed = new Set<string>()
  const results = members.map((ref) => {
    const memberId = ref.memberId === '' && ref.instanceId !== null ? (group.statics.get(ref.instanceId) ?? '') : ref.memberId
    const error = memberError(group, { ...ref, memberId }) ?? errors.NONE
    if (error === errors.NONE) removed.add(memberId)
    return { ...ref, error }
  })
  return { response: { error: errors.NONE, members: results }, removed }
}
