import { errors, type KafkaError } from '../../wire/errors.ts'
import type { Asking, LeaveAnswer, MemberRef } from '../messages.ts'
import { type Refusal, respond, type Step, sessionKey, syncKey, writeGroup } from '../step.ts'
import type { ClassicGroup } from './classic-group.ts'
import { noBytes } from './classic-member.ts'
import { extendSession, prepareRebalance, propagate, rebalance, removeMember, syncRefusal, voidAssignments } from './classic-rebalance.ts'

/** Fixed size of a member in the record: lengths and timeouts. */
const memberOverheadBytes = 64

/**
 * Error for a request whose member id or instance id is not valid in the group. If another member has taken the instance id, the
 * request is fenced.
 */
export function memberRefusal(group: ClassicGroup, { memberId, instanceId }: MemberRef): Refusal {
  if (instanceId !== null) {
    const known = group.statics.get(instanceId)
    if (known === undefined) return errors.UNKNOWN_MEMBER_ID
    if (known !== memberId) return errors.FENCED_INSTANCE_ID
  }
  return group.members.has(memberId) ? undefined : errors.UNKNOWN_MEMBER_ID
}

/** A member requests its assignment; the leader's request contains the assignments of all members. */
export function sync(step: Step, group: ClassicGroup, ask: Asking<'sync'>, ticket: number): void {
  const refusal = memberRefusal(group, ask) ?? syncProblem(group, ask)
  if (refusal !== undefined) {
    respond(step, ticket, syncRefusal(refusal))
    return
  }
  const member = group.members.get(ask.memberId)!
  group.pendingSyncs.delete(member.memberId)
  if (group.pendingSyncs.size === 0) step.timers.cancel(syncKey(group.groupId))
  if (group.state === 'Stable') {
    const { protocolType, protocolName } = group
    extendSession(step, group, member)
    respond(step, ticket, { error: errors.NONE, protocolType, protocolName, assignment: member.assignment })
    return
  }
  if (member.syncing !== undefined) respond(step, member.syncing, syncRefusal(errors.REBALANCE_IN_PROGRESS))
  member.syncing = ticket
  if (group.isLeader(member.memberId)) assign(step, group, ask.assignments)
}

function syncProblem(group: ClassicGroup, { generation, protocolType, protocolName }: Asking<'sync'>): Refusal {
  if (generation !== group.generation) return errors.ILLEGAL_GENERATION
  const isOther = (said: string | null, known: string | null): boolean => said !== null && said !== known
  if (isOther(protocolType, group.protocolType) || isOther(protocolName, group.protocolName)) return errors.INCONSISTENT_GROUP_PROTOCOL
  if (group.state === 'PreparingRebalance') return errors.REBALANCE_IN_PROGRESS
  return group.state === 'Empty' ? errors.UNKNOWN_MEMBER_ID : undefined
}

/** Members that the leader left out get an empty assignment. A group that is too large for a record is rejected. */
function assign(step: Step, group: ClassicGroup, assignments: Asking<'sync'>['assignments']): void {
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

export function heartbeat(step: Step, group: ClassicGroup, ask: Asking<'heartbeat'>): KafkaError {
  const refusal = memberRefusal(group, ask)
  if (refusal !== undefined) return refusal
  if (ask.generation !== group.generation) return errors.ILLEGAL_GENERATION
  if (group.state === 'Empty') return errors.UNKNOWN_MEMBER_ID
  extendSession(step, group, group.members.get(ask.memberId)!)
  return group.state === 'PreparingRebalance' ? errors.REBALANCE_IN_PROGRESS : errors.NONE
}

/** Members leave. Admin clients name static members by their instance id alone. */
export function leave(step: Step, group: ClassicGroup, { members }: Asking<'leave'>): LeaveAnswer {
  const answered = members.map((ref) => ({ ...ref, error: leaveOne(step, group, ref) }))
  if (answered.some(({ error }) => error === errors.NONE) && group.state !== 'Empty') rebalance(step, group)
  return { error: errors.NONE, members: answered }
}

function leaveOne(step: Step, group: ClassicGroup, ref: MemberRef): KafkaError {
  if (group.pendingJoins.has(ref.memberId)) {
    group.remove(ref.memberId)
    step.timers.cancel(sessionKey(group.groupId, ref.memberId))
    return errors.NONE
  }
  const memberId = ref.memberId === '' && ref.instanceId !== null ? (group.statics.get(ref.instanceId) ?? '') : ref.memberId
  const refusal = memberRefusal(group, { ...ref, memberId })
  if (refusal === undefined) removeMember(step, group, group.members.get(memberId)!)
  return refusal ?? errors.NONE
}
