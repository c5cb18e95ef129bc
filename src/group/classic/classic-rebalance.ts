import { errors, type KafkaError } from '../../wire/errors.ts'
import type { JoinResponse, SyncResponse } from '../messages.ts'
import { joinKey, respond, type Step, sessionKey, syncKey, writeGroup } from '../step.ts'
import type { ClassicGroup } from './classic-group.ts'
import { type ClassicMember, metadataOf, noBytes } from './classic-member.ts'

export const joinError = (error: KafkaError, memberId: string): JoinResponse => ({
  error,
  memberId,
  generation: -1,
  protocolType: null,
  protocolName: null,
  leader: '',
  skipAssignment: false,
  members: [],
})

/** JoinGroup response for a member of the current generation. The leader receives all members, unless `withMembers` is false. */
export function joined(group: ClassicGroup, memberId: string, withMembers = group.isLeader(memberId)): JoinResponse {
  const { generation, protocolType, protocolName } = group
  const members = withMembers ? [...group.members.values()] : []
  return {
    error: errors.NONE,
    memberId,
    generation,
    protocolType,
    protocolName,
    leader: group.leader ?? '',
    skipAssignment: false,
    members: members.map((each) => ({ memberId: each.memberId, instanceId: each.instanceId, metadata: metadataOf(each, protocolName) })),
  }
}

export const syncError = (error: KafkaError): SyncResponse => ({ error, protocolType: null, protocolName: null, assignment: noBytes })

/** Answers the waiting JoinGroup request of a member, if there is one. */
export function respondJoin(step: Step, member: ClassicMember, response: JoinResponse): void {
  if (member.joining === undefined) return
  respond(step, member.joining, response)
  member.joining = undefined
}

/** True when a request was waiting. */
export function respondSync(step: Step, member: ClassicMember, response: SyncResponse): boolean {
  if (member.syncing === undefined) return false
  respond(step, member.syncing, response)
  member.syncing = undefined
  return true
}

/** Starts the session of the member again. */
export function extendSession({ timers, now }: Step, group: ClassicGroup, member: ClassicMember, ms = member.sessionTimeoutMs): void {
  const { groupId } = group
  timers.set(sessionKey(groupId, member.memberId), now + ms, { type: 'session', groupId, memberId: member.memberId })
}

/**
 * Answers all waiting SyncGroup requests with the assignment or an error. Sessions start again: a waiting member sends no heartbeats, so
 * its session may have ended.
 */
export function propagate(step: Step, group: ClassicGroup, error: KafkaError): void {
  const [protocolType, protocolName] = error === errors.NONE ? [group.protocolType, group.protocolName] : [null, null]
  for (const member of group.members.values()) {
    const response = { error, protocolType, protocolName, assignment: member.assignment }
    if (respondSync(step, member, response)) extendSession(step, group, member)
  }
}

/** The assignment is void: members that wait for it must join again. */
export function voidAssignments(step: Step, group: ClassicGroup, error: KafkaError): void {
  for (const member of group.members.values()) member.assignment = noBytes
  propagate(step, group, error)
}

/** Starts the join phase, or completes it if it has started and all members have joined. */
export function rebalance(step: Step, group: ClassicGroup): void {
  if (group.state === 'PreparingRebalance') completeIfAllJoined(step, group)
  else prepareRebalance(step, group)
}

export function prepareRebalance(step: Step, group: ClassicGroup): void {
  if (group.state === 'CompletingRebalance') voidAssignments(step, group, errors.REBALANCE_IN_PROGRESS)
  step.timers.cancel(syncKey(group.groupId))
  const isFirst = group.state === 'Empty'
  group.moveTo('PreparingRebalance', step.now)
  if (isFirst) putOffFirstJoin(step, group, step.limits.initialDelayMs, Math.max(0, group.rebalanceTimeoutMs - step.limits.initialDelayMs))
  else if (group.haveAllJoined) completeJoinPhase(step, group)
  else awaitJoins(step, group)
}

/** Members of a new group arrive one after another: the first rebalance is delayed to include them. */
function putOffFirstJoin({ timers, now }: Step, group: ClassicGroup, delayMs: number, remainingMs: number): void {
  const { groupId } = group
  group.hasNewMember = false
  timers.set(joinKey(groupId), now + delayMs, { type: 'firstJoin', groupId, delayMs, remainingMs })
}

export function firstJoinDue(step: Step, group: ClassicGroup, delayMs: number, remainingMs: number): void {
  if (!group.hasNewMember || remainingMs === 0) completeJoinPhase(step, group)
  else putOffFirstJoin(step, group, Math.min(step.limits.initialDelayMs, remainingMs), Math.max(0, remainingMs - delayMs))
}

function awaitJoins({ timers, now }: Step, group: ClassicGroup): void {
  const { groupId } = group
  timers.set(joinKey(groupId), now + group.rebalanceTimeoutMs, { type: 'joinPhase', groupId })
}

/** The delay of an empty group runs in full, even if all known members have joined: more may follow. */
export function completeIfAllJoined(step: Step, group: ClassicGroup): void {
  if (group.state === 'PreparingRebalance' && group.previous !== 'Empty' && group.haveAllJoined) completeJoinPhase(step, group)
}

/** Members that have not joined by now are removed, except for static members, which have until the end of their session. */
export function completeJoinPhase(step: Step, group: ClassicGroup): void {
  step.timers.cancel(joinKey(group.groupId))
  for (const member of [...group.members.values()]) {
    if (member.joining !== undefined || member.instanceId !== null) continue
    group.remove(member.memberId)
    step.timers.cancel(sessionKey(group.groupId, member.memberId))
  }
  if (!group.electJoinedLeader() && group.members.size > 0) {
    awaitJoins(step, group)
    return
  }
  group.nextGeneration(step.now)
  step.counts.classicRebalances++
  if (group.members.size === 0) writeGroup(step, group)
  else beginSyncPhase(step, group)
}

function beginSyncPhase(step: Step, group: ClassicGroup): void {
  const { groupId, generation } = group
  for (const member of group.members.values()) {
    respondJoin(step, member, joined(group, member.memberId))
    extendSession(step, group, member)
    member.isNew = false
    group.pendingSyncs.add(member.memberId)
  }
  step.timers.set(syncKey(groupId), step.now + group.rebalanceTimeoutMs, { type: 'syncPhase', groupId, generation })
}

/** Members that did not send SyncGroup in time are removed. */
export function syncPhaseDue(step: Step, group: ClassicGroup, generation: number): void {
  if (generation !== group.generation || group.pendingSyncs.size === 0) return
  if (group.state !== 'CompletingRebalance' && group.state !== 'Stable') return
  for (const memberId of [...group.pendingSyncs]) {
    group.remove(memberId)
    step.timers.cancel(sessionKey(group.groupId, memberId))
  }
  prepareRebalance(step, group)
}

/** No request of the member arrived within its session timeout. A member that waits for a response of the coordinator stays. */
export function sessionDue(step: Step, group: ClassicGroup, memberId: string): void {
  if (group.pendingJoins.has(memberId)) {
    group.remove(memberId)
    completeIfAllJoined(step, group)
    return
  }
  const member = group.members.get(memberId)
  if (member === undefined) return
  if (!member.isNew && (member.joining !== undefined || member.syncing !== undefined)) return
  removeMember(step, group, member)
  if (group.state !== 'Empty') rebalance(step, group)
}

/** Removes a member. The caller handles the consequences for the group. */
export function removeMember(step: Step, group: ClassicGroup, member: ClassicMember): void {
  respondJoin(step, member, joinError(errors.UNKNOWN_MEMBER_ID, ''))
  respondSync(step, member, syncError(errors.UNKNOWN_MEMBER_ID))
  step.timers.cancel(sessionKey(group.groupId, member.memberId))
  group.remove(member.memberId)
}
