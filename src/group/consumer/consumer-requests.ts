import { errors } from '../../wire/errors.ts'
import type { ConsumerHeartbeatResponse, JoinResponse, LeaveResponse, RequestOf } from '../messages.ts'
import type { GroupState } from '../state.ts'
import { respond, type Step, write } from '../step.ts'
import { classicJoinError, joinConsumers, leavingConsumers } from './consumer-classic.ts'
import { ConsumerGroup } from './consumer-group.ts'
import {
  errorResponse,
  type Heartbeat,
  heartbeatError,
  heartbeatMemberError,
  heartbeatOf,
  isLeaving,
  leaveForAWhile,
  unknownMember,
  type ValidationError,
} from './consumer-heartbeat.ts'
import { type ConsumerMember, joinEpoch, staticLeaveEpoch } from './consumer-member.ts'
import { groupTombstones, removeMembers } from './consumer-steps.ts'
import { downgrade, isDowngrade, rebalanceAfterDowngrade, upgradable, upgrade } from './migration.ts'
import { refreshExpressions } from './topic-expressions.ts'

export function handleConsumerHeartbeat(state: GroupState, step: Step, request: Heartbeat, ticket: number): void {
  const reply = (response: ConsumerHeartbeatResponse): void => respond(step, ticket, response)
  const error = heartbeatError(step, request)
  if (error !== undefined) reply(errorResponse(error))
  else if (isLeaving(request)) reply(leave(state, step, request))
  else {
    const group = groupFor(state, step, request)
    if (!(group instanceof ConsumerGroup)) reply(errorResponse(group))
    else {
      reply(heartbeatOf(step, group, request))
      refreshExpressions(step, group)
    }
  }
}

/** A joining member creates the group, or converts a classic group to a consumer group. */
function groupFor(state: GroupState, step: Step, request: Heartbeat): ConsumerGroup | ValidationError {
  const { groupId } = request
  const known = state.groups.get(groupId)
  if (known?.type === 'consumer') return heartbeatMemberError(step, known, request) ?? known
  if (request.memberEpoch !== joinEpoch) return notFound(groupId)
  if (known === undefined || known.state === 'Empty') {
    const group = new ConsumerGroup(groupId)
    const error = heartbeatMemberError(step, group, request)
    if (error !== undefined) return error
    if (known !== undefined) write(step, [{ type: 'classicGroup', groupId, value: null }])
    state.groups.set(groupId, group)
    return group
  }
  const moved = upgradable(step, known)
  if (moved === undefined) return notFound(groupId)
  if (known.members.size >= step.limits.consumersMax && !known.members.has(request.memberId)) {
    return [errors.GROUP_MAX_SIZE_REACHED, `The consumer group has reached its maximum capacity of ${step.limits.consumersMax} members.`]
  }
  const group = upgrade(step, known, moved)
  state.groups.set(groupId, group)
  return group
}

const notFound = (groupId: string): ValidationError => [errors.GROUP_ID_NOT_FOUND, `Consumer group ${groupId} not found.`]

function leave(state: GroupState, step: Step, request: Heartbeat): ConsumerHeartbeatResponse {
  const { groupId, memberId, instanceId, memberEpoch } = request
  const group = state.groups.get(groupId)
  if (group?.type !== 'consumer') return errorResponse(notFound(groupId))
  const member = instanceId === null ? group.members.get(memberId) : group.staticMember(instanceId)
  if (member === undefined) return errorResponse(unknownMember(group, request))
  if (member.memberId !== memberId) {
    return errorResponse([
      errors.FENCED_INSTANCE_ID,
      `Static member ${instanceId} has member id ${member.memberId}, not ${memberId}: it was replaced.`,
    ])
  }
  if (memberEpoch === staticLeaveEpoch && instanceId !== null) leaveForAWhile(step, group, member)
  else fence(state, step, group, member)
  return { error: errors.NONE, message: null, memberId, memberEpoch, heartbeatIntervalMs: 0, assignment: null }
}

/** A member is removed. */
export const fence = (state: GroupState, step: Step, group: ConsumerGroup, { memberId }: ConsumerMember): void =>
  removeFrom(state, step, group, new Set([memberId]))

/** LeaveGroup for members of either protocol. */
export function handleLeave(state: GroupState, step: Step, group: ConsumerGroup, request: RequestOf<'leave'>): LeaveResponse {
  const { response, removed } = leavingConsumers(group, request)
  if (removed.size > 0) removeFrom(state, step, group, removed)
  return response
}

/** When only classic members remain, the group becomes a classic group again. */
function removeFrom(state: GroupState, step: Step, group: ConsumerGroup, removed: ReadonlySet<string>): void {
  const classic = isDowngrade(step, group, removed, group.members.size - removed.size) ? downgrade(step, group, removed) : undefined
  if (classic === undefined) {
    removeMembers(step, group, [...removed])
    return
  }
  state.groups.set(group.groupId, classic)
  rebalanceAfterDowngrade(step, classic)
}

/** A classic member joins a consumer group. If it replaces the last member of the other protocol, the group becomes classic. */
export function handleClassicJoin(state: GroupState, step: Step, group: ConsumerGroup, request: RequestOf<'join'>): JoinResponse {
  const error = classicJoinError(step, group, request)
  if (error !== undefined) return error
  const replaced = request.instanceId === null ? undefined : group.staticMember(request.instanceId)
  const isLast = replaced !== undefined && isDowngrade(step, group, new Set([replaced.memberId]), group.members.size)
  const joined = joinConsumers(step, group, request)
  const classic = isLast ? downgrade(step, group) : undefined
  if (classic !== undefined) state.groups.set(group.groupId, classic)
  return joined
}

/** Only the offsets of an empty group remain. */
export function dissolve(state: GroupState, step: Step, group: ConsumerGroup): void {
  write(step, groupTombstones(group))
  state.groups.delete(group.groupId)
}
