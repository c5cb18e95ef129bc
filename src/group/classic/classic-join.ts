import { errors } from '../../wire/errors.ts'
import type { Asking } from '../messages.ts'
import { respond, type Step, sessionKey, writeGroup } from '../step.ts'
import type { ClassicGroup } from './classic-group.ts'
import { type ClassicMember, matches, noBytes } from './classic-member.ts'
import { memberRefusal } from './classic-members.ts'
import {
  answerJoin,
  answerSync,
  completeIfAllJoined,
  extendSession,
  joined,
  joinRefusal,
  prepareRebalance,
  rebalance,
  syncRefusal,
} from './classic-rebalance.ts'

type Join = Asking<'join'>

/**
 * How long a new member without a member id may wait. It cannot send heartbeats; without a limit the JoinGroup request of a
 * disconnected client would wait forever. Kafka's number.
 */
const newMemberWaitMs = 300_000

/** A client joins the group, or joins again. */
export function join(step: Step, group: ClassicGroup, ask: Join, ticket: number): void {
  const { memberId } = ask
  const refuse = (error: Parameters<typeof joinRefusal>[0]): void => respond(step, ticket, joinRefusal(error, memberId))
  if (!isAccepted(step, group, memberId)) {
    group.remove(memberId)
    respond(step, ticket, joinRefusal(errors.GROUP_MAX_SIZE_REACHED, ''))
  } else if (!group.supports(ask.protocolType, ask.protocols)) refuse(errors.INCONSISTENT_GROUP_PROTOCOL)
  else if (memberId === '') joinNew(step, group, ask, ticket)
  else if (group.pendingJoins.has(memberId)) addMember(step, group, ask, memberId, ticket)
  else {
    const refusal = memberRefusal(group, ask)
    if (refusal !== undefined) refuse(refusal)
    else joinAgain(step, group, group.members.get(memberId)!, ask, ticket)
  }
}

/** During the join phase only waiting members count. A group whose maximum size was reduced thus rejects the members that join last. */
function isAccepted({ limits }: Step, group: ClassicGroup, memberId: string): boolean {
  const member = group.members.get(memberId)
  switch (group.state) {
    case 'Empty':
      return true
    case 'PreparingRebalance':
      return member?.joining !== undefined || group.joiningCount < limits.membersMax
    default:
      return member !== undefined || group.members.size < limits.membersMax
  }
}

function joinNew(step: Step, group: ClassicGroup, ask: Join, ticket: number): void {
  const { groupId, instanceId } = ask
  const memberId = `${instanceId ?? ask.clientId}-${ask.uuid}`
  if (instanceId !== null) {
    const old = group.statics.get(instanceId)
    if (old === undefined) addMember(step, group, ask, memberId, ticket)
    else replaceStatic(step, group, group.members.get(old)!, memberOf(ask, memberId), ask, ticket)
    return
  }
  if (!ask.knowsMemberIdRequired) {
    addMember(step, group, ask, memberId, ticket)
    return
  }
  group.pendingJoins.add(memberId)
  step.timers.set(sessionKey(groupId, memberId), step.now + ask.sessionTimeoutMs, { type: 'session', groupId, memberId })
  respond(step, ticket, joinRefusal(errors.MEMBER_ID_REQUIRED, memberId))
}

const memberOf = (ask: Join, memberId: string): ClassicMember => ({
  memberId,
  instanceId: ask.instanceId,
  clientId: ask.clientId,
  clientHost: ask.clientHost,
  sessionTimeoutMs: ask.sessionTimeoutMs,
  rebalanceTimeoutMs: ask.rebalanceTimeoutMs,
  protocolType: ask.protocolType,
  protocols: ask.protocols,
  assignment: noBytes,
  joining: undefined,
  syncing: undefined,
  isNew: false,
})

function addMember(step: Step, group: ClassicGroup, ask: Join, memberId: string, ticket: number): void {
  const member = { ...memberOf(ask, memberId), joining: ticket, isNew: true }
  if (group.state === 'PreparingRebalance' && group.previous === 'Empty') group.hasNewMember = true
  group.add(member)
  extendSession(step, group, member, newMemberWaitMs)
  rebalance(step, group)
}

/** Only changes that can affect the assignment start a rebalance. A leader decides itself to start one. */
function joinAgain(step: Step, group: ClassicGroup, member: ClassicMember, ask: Join, ticket: number): void {
  const isSame = matches(member, ask.protocols)
  switch (group.state) {
    case 'Empty':
      respond(step, ticket, joinRefusal(errors.UNKNOWN_MEMBER_ID, member.memberId))
      return
    case 'CompletingRebalance':
      if (!isSame) break
      respond(step, ticket, joined(group, member.memberId))
      return
    case 'Stable':
      if (!isSame || group.isLeader(member.memberId)) break
      respond(step, ticket, joined(group, member.memberId))
      return
    case 'PreparingRebalance':
      break
  }
  updateMember(step, member, ask, ticket)
  rebalance(step, group)
}

/** An earlier request of the member that still waits has been abandoned by its client. */
function updateMember(step: Step, member: ClassicMember, ask: Join, ticket: number): void {
  answerJoin(step, member, joinRefusal(errors.REBALANCE_IN_PROGRESS, member.memberId))
  member.protocols = ask.protocols
  member.sessionTimeoutMs = ask.sessionTimeoutMs
  member.rebalanceTimeoutMs = ask.rebalanceTimeoutMs
  member.joining = ticket
}

/**
 * A static member has returned with a new member id; the old id is fenced. If nothing else changes, the group continues unchanged.
 * During CompletingRebalance the rebalance starts again, since the leader may have assigned partitions to the old id already.
 */
function replaceStatic(step: Step, group: ClassicGroup, old: ClassicMember, member: ClassicMember, ask: Join, ticket: number): void {
  const leaderBefore = group.leader ?? ''
  answerJoin(step, old, joinRefusal(errors.FENCED_INSTANCE_ID, old.memberId))
  answerSync(step, old, syncRefusal(errors.FENCED_INSTANCE_ID))
  step.timers.cancel(sessionKey(group.groupId, old.memberId))
  member.assignment = old.assignment
  group.replace(old.memberId, member)
  extendSession(step, group, member)
  if (group.state === 'Stable' && group.selectProtocol() === group.protocolName) {
    writeGroup(step, group)
    respond(step, ticket, replaced(group, member.memberId, leaderBefore, ask.knowsSkipAssignment))
    return
  }
  member.joining = ticket
  if (group.state === 'PreparingRebalance') completeIfAllJoined(step, group)
  else prepareRebalance(step, group)
}

/** An older client that is the leader would assign again, so the response contains the old id of the leader. */
function replaced(group: ClassicGroup, memberId: string, leaderBefore: string, knowsSkipAssignment: boolean): ReturnType<typeof joined> {
  if (!knowsSkipAssignment) return { ...joined(group, memberId, false), leader: leaderBefore }
  return { ...joined(group, memberId), skipAssignment: group.isLeader(memberId) }
}
