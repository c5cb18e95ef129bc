import { errors } from '../../wire/errors.ts'
import type { Asking, ConsumerHeartbeatAnswer, JoinAnswer, LeaveAnswer } from '../messages.ts'
import type { GroupState } from '../state.ts'
import { respond, type Step, write } from '../step.ts'
import { joinConsumers, joinProblem, leavingConsumers } from './consumer-classic.ts'
import { ConsumerGroup } from './consumer-group.ts'
import {
  type Complaint,
  type Heartbeat,
  heartbeatOf,
  heartbeatProblem,
  isLeaving,
  leaveForAWhile,
  memberProblem,
  refused,
  unknownMember,
} from './consumer-heartbeat.ts'
import { type ConsumerMember, joinEpoch, staticLeaveEpoch } from './consumer-member.ts'
import { groupTombstones, removeMembers } from './consumer-steps.ts'
import { downgrade, isDowngrade, rebalanceAfterDowngrade, upgradable, upgrade } from './migration.ts'
import { refreshExpressions } from './topic-expressions.ts'

export function askConsumerHeartbeat(state: GroupState, step: Step, ask: Heartbeat, ticket: number): void {
  const say = (said: ConsumerHeartbeatAnswer): void => respond(step, ticket, said)
  const problem = heartbeatProblem(step, ask)
  if (problem !== undefined) say(refused(problem))
  else if (isLeaving(ask)) say(leave(state, step, ask))
  else {
    const group = groupFor(state, step, ask)
    if (!(group instanceof ConsumerGroup)) say(refused(group))
    else {
      say(heartbeatOf(step, group, ask))
      refreshExpressions(step, group)
    }
  }
}

/** A joining member creates the group, or converts a classic group to a consumer group. */
function groupFor(state: GroupState, step: Step, ask: Heartbeat): ConsumerGroup | Complaint {
  const { groupId } = ask
  const known = state.groups.get(groupId)
  if (known?.type === 'consumer') return memberProblem(step, known, ask) ?? known
  if (ask.memberEpoch !== joinEpoch) return notFound(groupId)
  if (known === undefined || known.state === 'Empty') {
    const group = new ConsumerGroup(groupId)
    const problem = memberProblem(step, group, ask)
    if (problem !== undefined) return problem
    if (known !== undefined) write(step, [{ type: 'classicGroup', groupId, value: null }])
    state.groups.set(groupId, group)
    return group
  }
  const moved = upgradable(step, known)
  if (moved === undefined) return notFound(groupId)
  if (known.members.size >= step.limits.consumersMax && !known.members.has(ask.memberId)) {
    return [errors.GROUP_MAX_SIZE_REACHED, `The consumer group has reached its maximum capacity of ${step.limits.consumersMax} members.`]
  }
  const group = upgrade(step, known, moved)
  state.groups.set(groupId, group)
  return group
}

const notFound = (groupId: string): Complaint => [errors.GROUP_ID_NOT_FOUND, `Consumer group ${groupId} not found.`]

function leave(state: GroupState, step: Step, ask: Heartbeat): ConsumerHeartbeatAnswer {
  const { groupId, memberId, instanceId, memberEpoch } = ask
  const group = state.groups.get(groupId)
  if (group?.type !== 'consumer') return refused(notFound(groupId))
  const member = instanceId === null ? group.members.get(memberId) : group.staticMember(instanceId)
  if (member === undefined) return refused(unknownMember(group, ask))
  if (member.memberId !== memberId) {
    return refused([
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
export function askLeave(state: GroupState, step: Step, group: ConsumerGroup, ask: Asking<'leave'>): LeaveAnswer {
  const { answer: said, gone } = leavingConsumers(group, ask)
  if (gone.size > 0) removeFrom(state, step, group, gone)
  return said
}

/** When only classic members remain, the group becomes a classic group again. */
function removeFrom(state: GroupState, step: Step, group: ConsumerGroup, gone: ReadonlySet<string>): void {
  const classic = isDowngrade(step, group, gone, group.members.size - gone.size) ? downgrade(step, group, gone) : undefined
  if (classic === undefined) {
    removeMembers(step, group, [...gone])
    return
  }
  state.groups.set(group.groupId, classic)
  rebalanceAfterDowngrade(step, classic)
}

/** A classic member joins a consumer group. If it replaces the last member of the other protocol, the group becomes classic. */
export function askClassicJoin(state: GroupState, step: Step, group: ConsumerGroup, ask: Asking<'join'>): JoinAnswer {
  const problem = joinProblem(step, group, ask)
  if (problem !== undefined) return problem
  const replaced = ask.instanceId === null ? undefined : group.staticMember(ask.instanceId)
  const isLast = replaced !== undefined && isDowngrade(step, group, new Set([replaced.memberId]), group.members.size)
  const joined = joinConsumers(step, group, ask)
  const classic = isLast ? downgrade(step, group) : undefined
  if (classic !== undefined) state.groups.set(group.groupId, classic)
  return joined
}

/** Only the offsets of an empty group remain. */
export function dissolve(state: GroupState, step: Step, group: ConsumerGroup): void {
  write(step, groupTombstones(group))
  state.groups.delete(group.groupId)
}
