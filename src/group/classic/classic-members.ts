import { errors, type KafkaError } from '../../wire/errors.ts'
import type { LeaveResponse, MemberRef, RequestOf } from '../messages.ts'
import { type OptionalError, respond, type Step, sessionKey, syncKey, writeGroup } from '../step.ts'
import type { ClassicGroup } from './classic-group.ts'
import { noBytes } from './classic-member.ts'
import { extendSession, prepareRebalance, propagate, rebalance, removeMember, syncError, voidAssignments } from './classic-rebalance.ts'

/** Fixed size of a member in the record: lengths and timeouts. */
const memberOverheadBytes = 64

/**
 * Error for a request whose member id or instance id is not valid in the group. If another member has taken the instance id, the
 * request is fenced.
 */
export function memberError(group: ClassicGroup, { memberId, instanceId }: MemberRef): OptionalError {
  if (instanceId !== null) {
    const known = group.statics.get(instanceId)
    if (known === undefined) return errors.UNKNOWN_MEMBER_ID
    if (known !== memberId) return errors.FENCED_INSTANCE_ID
  }
  return group.members.has(memberId) ? undefined : errors.UNKNOWN_MEMBER_ID
}

/** A member requests its assignment; the leader's request contains the assignments of all members. */
export function sync(step: Step, group: ClassicGroup, request: RequestOf<'sync'>, ticket: number): void {
  const error = memberError(group, request) ?? syncProtocolError(group, request)
  if (error !== undefined) {
    respond(step, ticket, syncError(error))
    return
  }
  const member = group.members.get(request.memberId)!
  group.pendingSyncs.delete(member.memberId)
  if (group.pendingSyncs.size === 0) step.timers.cancel(syncKey(group.groupId))
  if (group.state === 'Stable') {
    const { protocolType, protocolName } = group
    extendSession(step, group, member)
    respond(step, ticket, { error: errors.NONE, protocolType, protocolName, assignment: member.assignment })
    return
  }
  if (member.syncing !== undefined) respond(step, member.syncing, syncError(errors.REBALANCE_IN_PROGRESS))
  member.syncing = ticket
  if (group.isLeader(member.memberId)) assign(step, group, request.assignments)
}

function syncProtocolError(group: ClassicGroup, { generation, protocolType, protocolName }: RequestOf<'sync'>): OptionalError {
  if (generation !== group.generation) return errors.ILLEGAL_GENERATION
  const isOther = (response: string | null, known: string | null): boolean => response !== null && response !== known
  if (isOther(protocolType, group.protocolType) || isOther(protocolName, group.protocolName)) return errors.INCONSISTENT_GROUP_PROTOCOL
  if (group.state === 'PreparingRebalance') return errors.REBALANCE_IN_PROGRESS
  return group.state === 'Empty' ? errors.UNKNOWN_MEMBER_ID : undefined
}

/** Members that the leader left out get an empty assignment. A group that is too large for a record is rejected. */
function assign(step: Step, group: ClassicGroup, assignments: RequestOf<'sync'>['assignments']): void {
  for (const member of group.members.values()) member.assignment = noBytes
  for (const { memberId, assignment } of assignments) {
    const member = group.members.get(memberId)
    if (member !== undefined) member.assignment = assignment
  }
  if (bytesOf(group) > step.limits.recordBytesMax) {
    voidAssignments(step, group, errors.UNKNOWN_SERVER_ERROR)
    prepareRebalance(step, group)
    return
  }
  group.moveTo('Stable', step.now)
  writeGroup(step, group)
  propagate(step, group, errors.NONE)
}

/** Upper bound of the size of the group's record. A character has at most three bytes. */
function bytesOf(group: ClassicGroup): number {
  let bytes = 0
  for (const { memberId, groupInstanceId, clientId, clientHost, subscription, assignment } of group.value.members) {
    const characters = memberId.length + (groupInstanceId?.length ?? 0) + clientId.length + clientHost.length
    bytes += 3 * characters + subscription.length + assignment.length + memberOverheadBytes
  }
  return bytes
}

export function heartbeat(step: Step, group: ClassicGroup, request: RequestOf<'heartbeat'>): KafkaError {
  const error = memberError(group, request)
  if (error !== undefined) return error
  if (request.generation !== group.generation) return errors.ILLEGAL_GENERATION
  if (group.state === 'Empty') return errors.UNKNOWN_MEMBER_ID
  extendSession(step, group, group.members.get(request.memberId)!)
  return group.state === 'PreparingRebalance' ? errors.REBALANCE_IN_PROGRESS : errors.NONE
}

/** Members leave. Admin clients name static members by their instance id alone. */
export function leave(step: Step, group: ClassicGroup, { members }: RequestOf<'leave'>): LeaveResponse {
  const results = members.map((ref) => ({ ...ref, error: leaveOne(step, group, ref) }))
  if (results.some(({ error }) => error === errors.NONE) && group.state !== 'Empty') rebalance(step, group)
  return { error: errors.NONE, members: results }
}

function leaveOne(step: Step, group: ClassicGroup, ref: MemberRef): KafkaError {
  if (group.pendingJoins.has(ref.memberId)) {
    group.remove(ref.memberId)
    step.timers.cancel(sessionKey(group.groupId, ref.memberId))
    return errors.NONE
  }
  const memberId = ref.memberId === '' && ref.instanceId !== null ? (group.statics.get(ref.instanceId) ?? '') : ref.memberId
  const error = memberError(group, { ...ref, memberId })
  if (error === undefined) removeMember(step, group, group.members.get(memberId)!)
  return error ?? errors.NONE
}
