import { errors } from '../../wire/errors.ts'
import type { RequestOf } from '../messages.ts'
import { respond, type Step, sessionKey, writeGroup } from '../step.ts'
import type { ClassicGroup } from './classic-group.ts'
import { type ClassicMember, matches, noBytes } from './classic-member.ts'
import { memberError } from './classic-members.ts'
import {
  completeIfAllJoined,
  extendSession,
  joinError,
  joined,
  prepareRebalance,
  rebalance,
  respondJoin,
  respondSync,
  syncError,
} from './classic-rebalance.ts'

type Join = RequestOf<'join'>

/**
 * How long a new member without a member id may wait. It cannot send heartbeats; without a limit the JoinGroup request of a
 * disconnected client would wait forever. Kafka's number.
 */
const newMemberWaitMs = 300_000

/** A client joins the group, or joins again. */
export function join(step: Step, group: ClassicGroup, request: Join, ticket: number): void {
  const { memberId } = request
  const fail = (error: Parameters<typeof joinError>[0]): void => respond(step, ticket, joinError(error, memberId))
  if (!isAccepted(step, group, memberId)) {
    group.remove(memberId)
    respond(step, ticket, joinError(errors.GROUP_MAX_SIZE_REACHED, ''))
  } else if (!group.supports(request.protocolType, request.protocols)) fail(errors.INCONSISTENT_GROUP_PROTOCOL)
  else if (memberId === '') joinNew(step, group, request, ticket)
  else if (group.pendingJoins.has(memberId)) addMember(step, group, request, memberId, ticket)
  else {
    const error = memberError(group, request)
    if (error !== undefined) fail(error)
    else joinAgain(step, group, group.members.get(memberId)!, request, ticket)
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

function joinNew(step: Step, group: ClassicGroup, request: Join, ticket: number): void {
  const { groupId, instanceId } = request
  const memberId = `${instanceId ?? request.clientId}-${request.uuid}`
  if (instanceId !== null) {
    const old = group.statics.get(instanceId)
    if (old === undefined) addMember(step, group, request, memberId, ticket)
    else replaceStatic(step, group, group.members.get(old)!, memberOf(request, memberId), request, ticket)
    return
  }
  if (!request.supportsMemberIdRequired) {
    addMember(step, group, request, memberId, ticket)
    return
  }
  group.pendingJoins.add(memberId)
  step.timers.set(sessionKey(groupId, memberId), step.now + request.sessionTimeoutMs, { type: 'session', groupId, memberId })
  respond(step, ticket, joinError(errors.MEMBER_ID_REQUIRED, memberId))
}

const memberOf = (request: Join, memberId: string): ClassicMember => ({
  memberId,
  instanceId: request.instanceId,
  clientId: request.clientId,
  clientHost: request.clientHost,
  sessionTimeoutMs: request.sessionTimeoutMs,
  rebalanceTimeoutMs: request.rebalanceTimeoutMs,
  protocolType: request.protocolType,
  protocols: request.protocols,
  assignment: noBytes,
  joining: undefined,
  syncing: undefined,
  isNew: false,
})

function addMember(step: Step, group: ClassicGroup, request: Join, memberId: string, ticket: number): void {
  const member = { ...memberOf(request, memberId), joining: ticket, isNew: true }
  if (group.state === 'PreparingRebalance' && group.previous === 'Empty') group.hasNewMember = true
  group.add(member)
  extendSession(step, group, member, newMemberWaitMs)
  rebalance(step, group)
}

/** Only changes that can affect the assignment start a rebalance. A leader decides itself to start one. */
function joinAgain(step: Step, group: ClassicGroup, member: ClassicMember, request: Join, ticket: number): void {
  const isSame = matches(member, request.protocols)
  switch (group.state) {
    case 'Empty':
      respond(step, ticket, joinError(errors.UNKNOWN_MEMBER_ID, member.memberId))
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
  updateMember(step, member, request, ticket)
  rebalance(step, group)
}

/** An earlier request of the member that still waits has been abandoned by its client. */
function updateMember(step: Step, member: ClassicMember, request: Join, ticket: number): void {
  respondJoin(step, member, joinError(errors.REBALANCE_IN_PROGRESS, member.memberId))
  member.protocols = request.protocols
  member.sessionTimeoutMs = request.sessionTimeoutMs
  member.rebalanceTimeoutMs = request.rebalanceTimeoutMs
  member.joining = ticket
}

/**
 * A static member has returned with a new member id; the old id is fenced. If nothing else changes, the group continues unchanged.
 * During CompletingRebalance the rebalance starts again, since the leader may have assigned partitions to the old id already.
 */
function replaceStatic(step: Step, group: ClassicGroup, old: ClassicMember, member: ClassicMember, request: Join, ticket: number): void {
  const leaderBefore = group.leader ?? ''
  respondJoin(step, old, joinError(errors.FENCED_INSTANCE_ID, old.memberId))
  respondSync(step, old, syncError(errors.FENCED_INSTANCE_ID))
  step.timers.cancel(sessionKey(group.groupId, old.memberId))
  member.assignment = old.assignment
  group.replace(old.memberId, member)
  extendSession(step, group, member)
  if (group.state === 'Stable' && group.selectProtocol() === group.protocolName) {
    writeGroup(step, group)
    respond(step, ticket, replaced(group, member.memberId, leaderBefore, request.supportsSkipAssignment))
    return
  }
  member.joining = ticket
  if (group.state === 'PreparingRebalance') completeIfAllJoined(step, group)
  else prepareRebalance(step, group)
}

/** An older client that is the leader would assign again, so the response contains the old id of the leader. */
function replaced(group: ClassicGroup, memberId: string, leaderBefore: string, supportsSkipAssignment: boolean): ReturnType<typeof joined> {
  if (!supportsSkipAssignment) return { ...joined(group, memberId, false), leader: leaderBefore }
  return { ...joined(group, memberId), skipAssignment: group.isLeader(memberId) }
}
