import type { Machine } from '../actor/actor.ts'
import { unreachable } from '../base/assert.ts'
import type { CoordinatorMachine } from '../coordinator/machine.ts'
import { errors, type KafkaError } from '../wire/errors.ts'
import { zeroUuid } from '../wire/schema.ts'
import { ClassicGroup } from './classic/classic-group.ts'
import { join } from './classic/classic-join.ts'
import { heartbeat, leave, sync } from './classic/classic-members.ts'
import {
  completeJoinPhase,
  extendSession,
  firstJoinDue,
  joinError,
  rebalance,
  sessionDue,
  syncError,
  syncPhaseDue,
} from './classic/classic-rebalance.ts'
import { heartbeatConsumers, syncConsumers } from './consumer/consumer-classic.ts'
import type { ConsumerGroup } from './consumer/consumer-group.ts'
import { dissolve, fence, handleClassicJoin, handleConsumerHeartbeat, handleLeave } from './consumer/consumer-requests.ts'
import { awaitRevocation, extendConsumerSession, groupTombstones } from './consumer/consumer-steps.ts'
import { describe, describeConsumers, listed, unknownConsumers, unknownGroup } from './describe.ts'
import type { GroupEffect, GroupEvent, GroupNotification, GroupRequest, ListedGroup, RequestOf } from './messages.ts'
import { commit, commitError, deleteOffsets, expireOffsets, fetchError } from './offsets/commit.ts'
import { type CommittedOffset, decodeGroupRecord, encodeGroupRecord, type GroupRecord } from './records.ts'
import { replay } from './replay.ts'
import { type Group, type GroupShared, type GroupState, groupState } from './state.ts'
import { respond, type Step, type TimerAction, write, writeGroup } from './step.ts'

/**
 * The groups of one partition of the offsets topic, and their committed offsets.
 *
 * Replay is exact: the records of a group, replayed, produce the state of the group as clients see it.
 */
export const groupMachine: Machine<GroupState, GroupEvent, GroupEffect> = {
  step(state, event, out) {
    const stepAt = (now: number): Step => ({
      now,
      limits: state.limits,
      timers: state.timers,
      topics: state.topics,
      compileExpression: state.compileExpression,
      counts: state.counts,
      out,
    })
    switch (event.type) {
      case 'requested':
        handleRequest(state, stepAt(event.now), event.request, event.ticket)
        break
      case 'loaded':
        begin(state, stepAt(event.now))
        break
      case 'ticked':
        tick(state, stepAt(event.now))
        break
      case 'topicChanged':
        topicMoved(state, event.topic)
        break
      case 'topicDeleted':
        if (state.deletedBeforeLoad !== undefined) state.deletedBeforeLoad.add(event.topic)
        else {
          topicMoved(state, event.topic)
          dropOffsets(state, stepAt(event.now), event.topic)
        }
        break
      case 'swept':
        sweep(state, stepAt(event.now))
        break
      default:
        unreachable(event)
    }
    const at = state.timers.takeWake()
    if (at !== undefined) out.push({ type: 'wake', at })
  },
}

/** For the runtime of coordinators. */
export const groupCoordinator = (shared: GroupShared): CoordinatorMachine<GroupState, GroupRequest, GroupNotification, GroupRecord> => ({
  ...groupMachine,
  create: () => groupState(shared),
  encode: encodeGroupRecord,
  decode: decodeGroupRecord,
  replay,
})

/** Every group, for ListGroups. */
export const listGroups = (state: GroupState): ListedGroup[] => Array.from(state.groups.values(), listed)

function handleRequest(state: GroupState, step: Step, request: GroupRequest, ticket: number): void {
  const { groupId } = request
  const group = state.groups.get(groupId)
  const reply = (response: unknown): void => respond(step, ticket, response)
  switch (request.type) {
    case 'join':
      handleJoin(state, step, request, ticket)
      return
    case 'sync':
      if (group === undefined) reply(syncError(errors.UNKNOWN_MEMBER_ID))
      else if (group.type === 'consumer') reply(syncConsumers(step, group, request))
      else sync(step, group, request, ticket)
      return
    case 'heartbeat':
      if (group === undefined) reply(errors.UNKNOWN_MEMBER_ID)
      else reply(group.type === 'consumer' ? (heartbeatConsumers(step, group, request) ?? errors.NONE) : heartbeat(step, group, request))
      return
    case 'consumerHeartbeat':
      handleConsumerHeartbeat(state, step, request, ticket)
      return
    case 'leave':
      if (group === undefined)
        reply({ error: errors.NONE, members: request.members.map((ref) => ({ ...ref, error: errors.UNKNOWN_MEMBER_ID })) })
      else reply(group.type === 'consumer' ? handleLeave(state, step, group, request) : leave(step, group, request))
      return
    case 'commit':
      reply(handleCommit(state, step, request))
      return
    case 'fetch': {
      const error = group?.type === 'consumer' ? fetchError(group, request) : undefined
      reply({ error: error ?? errors.NONE, offsets: error === undefined ? copied(state.offsets.of(groupId)) : new Map() })
      return
    }
    case 'deleteOffsets':
      reply(group === undefined ? errors.GROUP_ID_NOT_FOUND : deleteOffsets(step, group, state.offsets, request))
      return
    case 'describe':
      reply(group?.type === 'classic' ? describe(group) : unknownGroup(groupId))
      return
    case 'describeConsumer':
      reply(group?.type === 'consumer' ? describeConsumers(step, group) : unknownConsumers(groupId))
      return
    case 'delete':
      reply(deleteGroup(state, step, groupId))
      return
    default:
      unreachable(request)
  }
}

/** Only a request without a member id creates a group. */
function handleJoin(state: GroupState, step: Step, request: RequestOf<'join'>, ticket: number): void {
  const { groupId, memberId, sessionTimeoutMs } = request
  const { sessionTimeoutMinMs, sessionTimeoutMaxMs } = step.limits
  const found = state.groups.get(groupId)
  const isOutside = sessionTimeoutMs < sessionTimeoutMinMs || sessionTimeoutMs > sessionTimeoutMaxMs
  const error = isOutside
    ? errors.INVALID_SESSION_TIMEOUT
    : (found === undefined || found.state === 'Empty') && found?.type !== 'classic' && memberId !== ''
      ? errors.UNKNOWN_MEMBER_ID
      : undefined
  if (error !== undefined) {
    respond(step, ticket, joinError(error, memberId))
    return
  }
  if (found?.type === 'consumer') {
    if (found.members.size > 0) {
      respond(step, ticket, handleClassicJoin(state, step, found, request))
      return
    }
    dissolve(state, step, found)
  }
  const known = found?.type === 'classic' ? found : undefined
  const group = known ?? new ClassicGroup(groupId, step.now)
  if (known === undefined) {
    state.groups.set(groupId, group)
    writeGroup(step, group)
  }
  join(step, group, request, ticket)
}

/** A commit from outside creates a simple group: one that has offsets and never members. */
function handleCommit(state: GroupState, step: Step, request: RequestOf<'commit'>): KafkaError | readonly KafkaError[] {
  let group = state.groups.get(request.groupId)
  if (group === undefined) {
    if (request.generation >= 0) return request.version >= 9 ? errors.GROUP_ID_NOT_FOUND : errors.ILLEGAL_GENERATION
    state.groups.set(request.groupId, (group = new ClassicGroup(request.groupId, step.now)))
  }
  return commitError(group, request) ?? commit(step, group, state.offsets, request)
}

/** The response is a snapshot: the offsets continue to change. */
function copied<T>(topics: ReadonlyMap<string, ReadonlyMap<number, T>>): ReadonlyMap<string, ReadonlyMap<number, T>> {
  return new Map(Array.from(topics, ([topic, partitions]) => [topic, new Map(partitions)]))
}

function deleteGroup(state: GroupState, step: Step, groupId: string): KafkaError {
  const group = state.groups.get(groupId)
  if (group === undefined) return errors.GROUP_ID_NOT_FOUND
  if (group.state !== 'Empty') return errors.NON_EMPTY_GROUP
  write(step, [...state.offsets.drop(groupId, () => true), ...forget(state, group)])
  return errors.NONE
}

function forget(state: GroupState, group: Group): GroupRecord[] {
  const { groupId } = group
  state.groups.delete(groupId)
  return group.type === 'consumer' ? groupTombstones(group) : [{ type: 'classicGroup', groupId, value: null }]
}

/** The topics that a group's epoch depends on may have changed: its next heartbeat checks. */
function topicMoved({ groups }: GroupState, topic: string): void {
  for (const group of groups.values()) if (group.type === 'consumer' && group.isSubscribedTo(topic)) group.needsMetadata = true
}

function dropOffsets(state: GroupState, step: Step, topic: string): void {
  for (const groupId of state.groups.keys()) {
    const records = state.offsets.drop(groupId, (each) => each === topic)
    write(step, records)
  }
}

/** The group may not have been loaded when its topic was deleted; a new topic may have the same name by now. */
function dropOutdated({ offsets, topicIdOf }: GroupState, step: Step, groupId: string, deleted: ReadonlySet<string>): void {
  const isOutdated = (topic: string, _: number, value: CommittedOffset): boolean => {
    const topicId = deleted.has(topic) ? undefined : topicIdOf(topic)
    return topicId === undefined || (value.topicId !== zeroUuid && value.topicId !== topicId)
  }
  write(step, offsets.drop(groupId, isOutdated))
}

/** An empty group without offsets is removed. */
function sweep(state: GroupState, step: Step): void {
  for (const group of [...state.groups.values()]) {
    const { groupId } = group
    const records = expireOffsets(step, group, state.offsets)
    const isAwaited = group.type === 'classic' && group.pendingJoins.size > 0
    const isOver = group.state === 'Empty' && !isAwaited && !state.offsets.has(groupId)
    write(step, isOver ? [...records, ...forget(state, group)] : records)
  }
}

/** Members get a session timeout to send a heartbeat. A group that exceeds a reduced maximum size starts a rebalance. */
function begin(state: GroupState, step: Step): void {
  const deleted = state.deletedBeforeLoad ?? new Set()
  state.deletedBeforeLoad = undefined
  for (const group of state.groups.values()) {
    dropOutdated(state, step, group.groupId, deleted)
    if (group.type === 'consumer') {
      beginConsumers(step, group)
      continue
    }
    for (const member of group.members.values()) extendSession(step, group, member)
    if (group.members.size > step.limits.membersMax) rebalance(step, group)
  }
}

function tick(state: GroupState, step: Step): void {
  state.timers.woken()
  for (let due = step.timers.take(step.now); due !== undefined; due = step.timers.take(step.now)) {
    const group = state.groups.get(due.groupId)
    if (group === undefined) continue
    if (group.type === 'consumer') consumerDue(state, step, group, due)
    else classicDue(step, group, due)
  }
}

function classicDue(step: Step, group: ClassicGroup, due: TimerAction): void {
  switch (due.type) {
    case 'session':
      sessionDue(step, group, due.memberId)
      return
    case 'firstJoin':
      firstJoinDue(step, group, due.delayMs, due.remainingMs)
      return
    case 'joinPhase':
      completeJoinPhase(step, group)
      return
    case 'syncPhase':
      syncPhaseDue(step, group, due.generation)
      return
    case 'revocation':
      // The group was a consumer group at that time.
      return
    default:
      unreachable(due)
  }
}

/** A member that sent no request, or did not act within its timeout, is removed. */
function consumerDue(state: GroupState, step: Step, group: ConsumerGroup, due: TimerAction): void {
  if (due.type !== 'session' && due.type !== 'revocation') return
  const member = group.members.get(due.memberId)
  if (member === undefined || (due.type === 'revocation' && member.epoch !== due.epoch)) return
  fence(state, step, group, member)
}

/** As with classic groups. Topics may have changed since the epoch was written. */
function beginConsumers(step: Step, group: ConsumerGroup): void {
  group.needsMetadata = true
  for (const member of group.members.values()) {
    extendConsumerSession(step, group, member)
    if (member.classic === null) awaitRevocation(step, group, member)
  }
}
