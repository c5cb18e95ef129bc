import { nameExpression } from '../../coordinator/name-expression.ts'
import { errors, type KafkaError } from '../../wire/errors.ts'
import type { Asking, ConsumerHeartbeatAnswer } from '../messages.ts'
import { equalPartitions, fromPartitions, nothingOwned, ownedAt } from '../partitions.ts'
import { isTooLarge } from '../records.ts'
import type { Step } from '../step.ts'
import type { ConsumerGroup } from './consumer-group.ts'
import {
  type ConsumerMember,
  currentValue,
  equalTopics,
  joinEpoch,
  leaveEpoch,
  newMember,
  saysSame,
  sortedTopics,
  staticLeaveEpoch,
} from './consumer-member.ts'
import {
  assignWhenDue,
  change,
  extendConsumerSession,
  memberRecord,
  reconcileMember,
  refreshMetadata,
  replaceMember,
} from './consumer-steps.ts'
import { hasAtMost } from './reconcile.ts'
import { dropUnused, expressionChange } from './topic-expressions.ts'

export type Heartbeat = Asking<'consumerHeartbeat'>

/** Why a request is rejected, with a message. */
export type Complaint = readonly [error: KafkaError, message: string]

export const refused = ([error, message]: Complaint): ConsumerHeartbeatAnswer => ({
  error,
  message,
  memberId: null,
  memberEpoch: 0,
  heartbeatIntervalMs: 0,
  assignment: null,
})

const isBlank = (text: string | null): boolean => text !== null && text.trim() === ''

/** Validates a heartbeat, regardless of the group. */
export function heartbeatProblem(step: Step, ask: Heartbeat): Complaint | undefined {
  const invalid = (message: string): Complaint => [errors.INVALID_REQUEST, message]
  if (isBlank(ask.memberId)) return invalid("MemberId can't be empty.")
  if (isBlank(ask.groupId)) return invalid("GroupId can't be empty.")
  if (isBlank(ask.instanceId)) return invalid("InstanceId can't be empty.")
  if (isBlank(ask.rackId)) return invalid("RackId can't be empty.")
  if (ask.memberEpoch < staticLeaveEpoch)
    return invalid(`MemberEpoch ${ask.memberEpoch} is invalid: it must be at least ${staticLeaveEpoch}.`)
  if (ask.memberEpoch === staticLeaveEpoch && ask.instanceId === null)
    return invalid(`InstanceId is required when MemberEpoch is ${staticLeaveEpoch}.`)
  if (ask.memberEpoch === joinEpoch) {
    if (ask.rebalanceTimeoutMs === -1) return invalid('RebalanceTimeoutMs is required when joining.')
    if (ask.owned === null || ask.owned.length > 0) return invalid('TopicPartitions must be empty when joining.')
    if (ask.topics === null && ask.expression === null)
      return invalid('SubscribedTopicNames or SubscribedTopicRegex is required when joining.')
  }
  if (ask.assignor !== null && !step.limits.assignors.includes(ask.assignor)) {
    return [
      errors.UNSUPPORTED_ASSIGNOR,
      `ServerAssignor ${ask.assignor} is not supported. Supported assignors: ${step.limits.assignors.join(', ')}.`,
    ]
  }
  const record = memberRecord(ask, updated(newMember(ask.memberId), ask))
  if (isTooLarge(record, step.limits.recordBytesMax))
    return [errors.UNKNOWN_SERVER_ERROR, 'The member record is larger than the largest record that the coordinator can write.']
  if (ask.expression === null || ask.expression === '') return undefined
  const compiled = nameExpression(ask.expression, step.compileExpression)
  return 'error' in compiled
    ? [
        errors.INVALID_REGULAR_EXPRESSION,
        `SubscribedTopicRegex \`${ask.expression}\` is not a valid regular expression: ${compiled.error}.`,
      ]
    : undefined
}

/** Why the group rejects a heartbeat of this member. The group is still unchanged at this point. */
export function memberProblem(step: Step, group: ConsumerGroup, ask: Heartbeat): Complaint | undefined {
  const { memberId, instanceId, memberEpoch } = ask
  const isJoin = memberEpoch === joinEpoch
  if (group.members.size >= step.limits.consumersMax && !group.members.has(memberId)) {
    return [errors.GROUP_MAX_SIZE_REACHED, `The consumer group has reached its maximum capacity of ${step.limits.consumersMax} members.`]
  }
  const member = instanceId === null ? group.members.get(memberId) : group.staticMember(instanceId)
  if (member === undefined) return isJoin ? undefined : unknownMember(group, ask)
  if (member.memberId !== memberId) {
    if (!isJoin)
      return [errors.FENCED_INSTANCE_ID, `Static member ${instanceId} has member id ${member.memberId}, not ${memberId}: it was replaced.`]
    if (member.classic !== null || member.epoch === staticLeaveEpoch) return undefined
    return [
      errors.UNRELEASED_INSTANCE_ID,
      `Static member ${instanceId} is in use by member ${member.memberId}, which has not left the group.`,
    ]
  }
  return isJoin ? undefined : epochProblem(member, ask)
}

export const unknownMember = ({ groupId }: ConsumerGroup, { memberId, instanceId }: Heartbeat): Complaint => [
  errors.UNKNOWN_MEMBER_ID,
  instanceId === null
    ? `Member ${memberId} is not a member of group ${groupId}.`
    : `Static member ${instanceId} is not a member of group ${groupId}.`,
]

function epochProblem(member: ConsumerMember, { memberEpoch, owned }: Heartbeat): Complaint | undefined {
  if (memberEpoch === member.epoch) return undefined
  if (memberEpoch < member.epoch && memberEpoch === member.previousEpoch && hasAtMost(member, owned)) return undefined
  return [
    errors.FENCED_MEMBER_EPOCH,
    `MemberEpoch ${memberEpoch} does not match epoch ${member.epoch} of the coordinator: the member must abandon all its partitions and rejoin.`,
  ]
}

/** A member joins or sends a heartbeat, and receives its assignment. */
export function heartbeatOf(step: Step, group: ConsumerGroup, ask: Heartbeat): ConsumerHeartbeatAnswer {
  const before = subscribe(step, group, ask)
  const said = updated(before, ask)
  const isNew = !group.members.has(said.memberId)
  const expression = expressionChange(group, before, said)
  if (isNew || !saysSame(before, said)) change(step, group, [memberRecord(group, said)])
  dropUnused(step, group, before.expression)
  const hasChanged = !equalTopics(before.topics, said.topics)
  refreshMetadata(step, group, hasChanged || expression === 'resolved')
  assignWhenDue(step, group)
  const member = settle(step, group, ask, said.memberId, hasChanged || expression !== 'same')
  extendConsumerSession(step, group, member)
  const { heartbeatIntervalMs } = step.limits.consumer(group.groupId)
  const isFull = ask.memberEpoch === joinEpoch || (ask.rebalanceTimeoutMs !== -1 && ask.topics !== null && ask.owned !== null)
  return {
    error: errors.NONE,
    message: null,
    memberId: member.memberId,
    memberEpoch: member.epoch,
    heartbeatIntervalMs,
    assignment: isFull || !equalPartitions(before.assigned, member.assigned) ? fromPartitions(member.assigned) : null,
  }
}

function settle(step: Step, group: ConsumerGroup, { owned }: Heartbeat, memberId: string, hasSubscriptionChanged: boolean): ConsumerMember {
  return reconcileMember(step, group, group.members.get(memberId)!, { hasSubscriptionChanged, owned })
}

/** The existing member, or a new one. */
function subscribe(step: Step, group: ConsumerGroup, { memberId, instanceId }: Heartbeat): ConsumerMember {
  const known = instanceId === null ? group.members.get(memberId) : group.staticMember(instanceId)
  if (known === undefined) return group.members.get(memberId) ?? newMember(memberId)
  return known.memberId === memberId ? known : replaceMember(step, group, known, memberId)
}

const updated = (member: ConsumerMember, ask: Heartbeat): ConsumerMember => ({
  ...member,
  instanceId: ask.instanceId ?? member.instanceId,
  rackId: ask.rackId ?? member.rackId,
  rebalanceTimeoutMs: ask.rebalanceTimeoutMs === -1 ? member.rebalanceTimeoutMs : ask.rebalanceTimeoutMs,
  assignor: ask.assignor ?? member.assignor,
  topics: ask.topics === null ? member.topics : sortedTopics(ask.topics),
  expression: ask.expression ?? member.expression,
  clientId: ask.clientId,
  clientHost: ask.clientHost,
  classic: null,
})

/** What remains of a static member that leaves temporarily: its instance id and its target. */
export function leaveForAWhile(step: Step, group: ConsumerGroup, member: ConsumerMember): void {
  const left = { ...member, epoch: staticLeaveEpoch, assigned: ownedAt(member.assigned, 0), revoking: nothingOwned }
  const { groupId } = group
  change(step, group, [{ type: 'consumerCurrent', groupId, memberId: member.memberId, value: currentValue(left) }])
}

export const isLeaving = ({ memberEpoch }: Heartbeat): boolean => memberEpoch === leaveEpoch || memberEpoch === staticLeaveEpoch
