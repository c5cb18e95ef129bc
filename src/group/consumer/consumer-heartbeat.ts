import { nameExpression } from '../../coordinator/name-expression.ts'
import { errors, type KafkaError } from '../../wire/errors.ts'
import type { ConsumerHeartbeatResponse, RequestOf } from '../messages.ts'
import { equalPartitions, fromPartitions, nothingOwned, ownedAt } from '../partitions.ts'
import { isTooLarge } from '../records.ts'
import type { Step } from '../step.ts'
import type { ConsumerGroup } from './consumer-group.ts'
import {
  type ConsumerMember,
  currentValue,
  equalTopics,
  isUnchanged,
  joinEpoch,
  leaveEpoch,
  newMember,
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

export type Heartbeat = RequestOf<'consumerHeartbeat'>

/** Why a request is rejected, with a message. */
export type ValidationError = readonly [error: KafkaError, message: string]

export const errorResponse = ([error, message]: ValidationError): ConsumerHeartbeatResponse => ({
  error,
  message,
  memberId: null,
  memberEpoch: 0,
  heartbeatIntervalMs: 0,
  assignment: null,
})

const isBlank = (text: string | null): boolean => text !== null && text.trim() === ''

/** Validates a heartbeat, regardless of the group. */
export function heartbeatError(step: Step, request: Heartbeat): ValidationError | undefined {
  const invalid = (message: string): ValidationError => [errors.INVALID_REQUEST, message]
  if (isBlank(request.memberId)) return invalid("MemberId can't be empty.")
  if (isBlank(request.groupId)) return invalid("GroupId can't be empty.")
  if (isBlank(request.instanceId)) return invalid("InstanceId can't be empty.")
  if (isBlank(request.rackId)) return invalid("RackId can't be empty.")
  if (request.memberEpoch < staticLeaveEpoch)
    return invalid(`MemberEpoch ${request.memberEpoch} is invalid: it must be at least ${staticLeaveEpoch}.`)
  if (request.memberEpoch === staticLeaveEpoch && request.instanceId === null)
    return invalid(`InstanceId is required when MemberEpoch is ${staticLeaveEpoch}.`)
  if (request.memberEpoch === joinEpoch) {
    if (request.rebalanceTimeoutMs === -1) return invalid('RebalanceTimeoutMs is required when joining.')
    if (request.owned === null || request.owned.length > 0) return invalid('TopicPartitions must be empty when joining.')
    if (request.topics === null && request.expression === null)
      return invalid('SubscribedTopicNames or SubscribedTopicRegex is required when joining.')
  }
  if (request.assignor !== null && !step.limits.assignors.includes(request.assignor)) {
    return [
      errors.UNSUPPORTED_ASSIGNOR,
      `ServerAssignor ${request.assignor} is not supported. Supported assignors: ${step.limits.assignors.join(', ')}.`,
    ]
  }
  const record = memberRecord(request, updated(newMember(request.memberId), request))
  if (isTooLarge(record, step.limits.recordBytesMax))
    return [errors.UNKNOWN_SERVER_ERROR, 'The member record is larger than the largest record that the coordinator can write.']
  if (request.expression === null || request.expression === '') return undefined
  const compiled = nameExpression(request.expression, step.compileExpression)
  return 'error' in compiled
    ? [
        errors.INVALID_REGULAR_EXPRESSION,
        `SubscribedTopicRegex \`${request.expression}\` is not a valid regular expression: ${compiled.error}.`,
      ]
    : undefined
}

/** Why the group rejects a heartbeat of this member. The group is still unchanged at this point. */
export function heartbeatMemberError(step: Step, group: ConsumerGroup, request: Heartbeat): ValidationError | undefined {
  const { memberId, instanceId, memberEpoch } = request
  const isJoin = memberEpoch === joinEpoch
  if (group.members.size >= step.limits.consumersMax && !group.members.has(memberId)) {
    return [errors.GROUP_MAX_SIZE_REACHED, `The consumer group has reached its maximum capacity of ${step.limits.consumersMax} members.`]
  }
  const member = instanceId === null ? group.members.get(memberId) : group.staticMember(instanceId)
  if (member === undefined) return isJoin ? undefined : unknownMember(group, request)
  if (member.memberId !== memberId) {
    if (!isJoin)
      return [errors.FENCED_INSTANCE_ID, `Static member ${instanceId} has member id ${member.memberId}, not ${memberId}: it was replaced.`]
    if (member.classic !== null || member.epoch === staticLeaveEpoch) return undefined
    return [
      errors.UNRELEASED_INSTANCE_ID,
      `Static member ${instanceId} is in use by member ${member.memberId}, which has not left the group.`,
    ]
  }
  return isJoin ? undefined : epochError(member, request)
}

export const unknownMember = ({ groupId }: ConsumerGroup, { memberId, instanceId }: Heartbeat): ValidationError => [
  errors.UNKNOWN_MEMBER_ID,
  instanceId === null
    ? `Member ${memberId} is not a member of group ${groupId}.`
    : `Static member ${instanceId} is not a member of group ${groupId}.`,
]

function epochError(member: ConsumerMember, { memberEpoch, owned }: Heartbeat): ValidationError | undefined {
  if (memberEpoch === member.epoch) return undefined
  if (memberEpoch < member.epoch && memberEpoch === member.previousEpoch && hasAtMost(member, owned)) return undefined
  return [
    errors.FENCED_MEMBER_EPOCH,
    `MemberEpoch ${memberEpoch} does not match epoch ${member.epoch} of the coordinator: the member must abandon all its partitions and rejoin.`,
  ]
}

/** A member joins or sends a heartbeat, and receives its assignment. */
export function heartbeatOf(step: Step, group: ConsumerGroup, request: Heartbeat): ConsumerHeartbeatResponse {
  const before = subscribe(step, group, request)
  const response = updated(before, request)
  const isNew = !group.members.has(response.memberId)
  const expression = expressionChange(group, before, response)
  if (isNew || !isUnchanged(before, response)) change(step, group, [memberRecord(group, response)])
  dropUnused(step, group, before.expression)
  const hasChanged = !equalTopics(before.topics, response.topics)
  refreshMetadata(step, group, hasChanged || expression === 'resolved')
  assignWhenDue(step, group)
  const member = settle(step, group, request, response.memberId, hasChanged || expression !== 'same')
  extendConsumerSession(step, group, member)
  const { heartbeatIntervalMs } = step.limits.consumer(group.groupId)
  const isFull =
    request.memberEpoch === joinEpoch || (request.rebalanceTimeoutMs !== -1 && request.topics !== null && request.owned !== null)
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

const updated = (member: ConsumerMember, request: Heartbeat): ConsumerMember => ({
  ...member,
  instanceId: request.instanceId ?? member.instanceId,
  rackId: request.rackId ?? member.rackId,
  rebalanceTimeoutMs: request.rebalanceTimeoutMs === -1 ? member.rebalanceTimeoutMs : request.rebalanceTimeoutMs,
  assignor: request.assignor ?? member.assignor,
  topics: request.topics === null ? member.topics : sortedTopics(request.topics),
  expression: request.expression ?? member.expression,
  clientId: request.clientId,
  clientHost: request.clientHost,
  classic: null,
})

/** What remains of a static member that leaves temporarily: its instance id and its target. */
export function leaveForAWhile(step: Step, group: ConsumerGroup, member: ConsumerMember): void {
  const left = { ...member, epoch: staticLeaveEpoch, assigned: ownedAt(member.assigned, 0), revoking: nothingOwned }
  const { groupId } = group
  change(step, group, [{ type: 'consumerCurrent', groupId, memberId: member.memberId, value: currentValue(left) }])
}

export const isLeaving = ({ memberEpoch }: Heartbeat): boolean => memberEpoch === leaveEpoch || memberEpoch === staticLeaveEpoch
