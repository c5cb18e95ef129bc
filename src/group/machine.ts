import type { Machine } from '../actor/actor.ts'
import { unreachable } from '../base/assert.ts'
import { errors, type KafkaError } from '../wire/errors.ts'
import { ClassicGroup, classicGroupOf } from './classic-group.ts'
import { join } from './classic-join.ts'
import { heartbeat, leave, sync } from './classic-members.ts'
import {
  completeJoinPhase,
  extendSession,
  firstJoinDue,
  joinRefusal,
  rebalance,
  sessionDue,
  syncPhaseDue,
  syncRefusal,
} from './classic-rebalance.ts'
import { commit, commitRefusal, deleteOffsets, expireOffsets } from './commit.ts'
import { describe, listed, unknownGroup } from './describe.ts'
import type { GroupLimits } from './limits.ts'
import type { Asking, GroupEffect, GroupEvent, ListedGroup, Question } from './messages.ts'
import { Offsets } from './offsets.ts'
import { partitionOf } from './partition-of.ts'
import type { GroupRecord } from './records.ts'
import { answer, type Step, type TimerAction, write, writeGroup } from './step.ts'
import { Timers } from './timers.ts'

/** Every kind of group lives under one coordinator; an id belongs to one of them at a time. */
export type Group = ClassicGroup

export interface GroupState {
  readonly limits: GroupLimits
  readonly groups: Map<string, Group>
  readonly offsets: Offsets
  readonly timers: Timers<TimerAction>
  /** When the shell was last asked to wake the machine. */
  wakeAt: number | undefined
}

export const groupState = (limits: GroupLimits): GroupState => ({
  limits,
  groups: new Map(),
  offsets: new Offsets(),
  timers: new Timers(),
  wakeAt: undefined,
})

/**
 * The groups of one node and their committed offsets.
 *
 * What it writes is what it would read back: the records of a group, replayed, give the group as a client knows it.
 */
export const groupMachine: Machine<GroupState, GroupEvent, GroupEffect> = {
  step(state, event, out) {
    const { limits, timers } = state
    switch (event.type) {
      case 'asked':
        ask(state, { now: event.now, limits, timers, out }, event.question, event.ticket)
        break
      case 'replayed':
        for (const record of event.records) replay(state, record)
        break
      case 'loaded':
        begin(state, { now: event.now, limits, timers, out }, event.partition, event.partitions)
        break
      case 'ticked':
        tick(state, { now: event.now, limits, timers, out })
        break
      case 'topicDeleted':
        for (const groupId of state.groups.keys()) {
          const step = { now: event.now, limits, timers, out }
          write(
            step,
            groupId,
            state.offsets.drop(groupId, (topic) => topic === event.topic),
          )
        }
        break
      case 'forgotten':
        state.groups.clear()
        state.offsets.clear()
        break
      case 'swept':
        sweep(state, { now: event.now, limits, timers, out })
        break
      default:
        unreachable(event)
    }
    const { next } = timers
    if (next !== undefined && (state.wakeAt === undefined || next < state.wakeAt)) {
      state.wakeAt = next
      out.push({ type: 'wake', at: next })
    }
  },
}

/** Every group, for ListGroups. */
export const listGroups = (state: GroupState): ListedGroup[] => Array.from(state.groups.values(), listed)

function ask(state: GroupState, step: Step, question: Question, ticket: number): void {
  const { groupId } = question
  const group = state.groups.get(groupId)
  const say = (said: unknown): void => answer(step, groupId, ticket, said)
  switch (question.type) {
    case 'join':
      askJoin(state, step, question, ticket)
      return
    case 'sync':
      if (group === undefined) say(syncRefusal(errors.UNKNOWN_MEMBER_ID))
      else sync(step, group, question, ticket)
      return
    case 'heartbeat':
      say(group === undefined ? errors.UNKNOWN_MEMBER_ID : heartbeat(step, group, question))
      return
    case 'leave': {
      const nobody = question.members.map((ref) => ({ ...ref, error: errors.UNKNOWN_MEMBER_ID }))
      say(group === undefined ? { error: errors.NONE, members: nobody } : leave(step, group, question))
      return
    }
    case 'commit':
      say(askCommit(state, step, question))
      return
    case 'fetch':
      say({ error: errors.NONE, offsets: copied(state.offsets.of(groupId)) })
      return
    case 'deleteOffsets':
      say(group === undefined ? errors.GROUP_ID_NOT_FOUND : deleteOffsets(step, group, state.offsets, question))
      return
    case 'describe':
      say(group === undefined ? unknownGroup(groupId) : describe(group))
      return
    case 'delete':
      say(deleteGroup(state, step, groupId))
      return
    default:
      unreachable(question)
  }
}

/** Only who does not name a member id founds a group. */
function askJoin(state: GroupState, step: Step, question: Asking<'join'>, ticket: number): void {
  const { groupId, memberId, sessionTimeoutMs } = question
  const { sessionTimeoutMinMs, sessionTimeoutMaxMs } = step.limits
  const known = state.groups.get(groupId)
  const isOutside = sessionTimeoutMs < sessionTimeoutMinMs || sessionTimeoutMs > sessionTimeoutMaxMs
  const refusal = isOutside ? errors.INVALID_SESSION_TIMEOUT : known === undefined && memberId !== '' ? errors.UNKNOWN_MEMBER_ID : undefined
  if (refusal !== undefined) {
    answer(step, groupId, ticket, joinRefusal(refusal, memberId))
    return
  }
  const group = known ?? new ClassicGroup(groupId, step.now)
  if (known === undefined) {
    state.groups.set(groupId, group)
    writeGroup(step, group)
  }
  join(step, group, question, ticket)
}

/** A commit from outside founds a simple group: one that has offsets and never members. */
function askCommit(state: GroupState, step: Step, question: Asking<'commit'>): KafkaError | readonly KafkaError[] {
  let group = state.groups.get(question.groupId)
  if (group === undefined) {
    if (question.generation >= 0) return question.version >= 9 ? errors.GROUP_ID_NOT_FOUND : errors.ILLEGAL_GENERATION
    state.groups.set(question.groupId, (group = new ClassicGroup(question.groupId, step.now)))
  }
  return commitRefusal(group, question) ?? commit(step, group, state.offsets, question)
}

/** What is answered is how it was: the offsets go on changing. */
function copied<T>(topics: ReadonlyMap<string, ReadonlyMap<number, T>>): ReadonlyMap<string, ReadonlyMap<number, T>> {
  return new Map(Array.from(topics, ([topic, partitions]) => [topic, new Map(partitions)]))
}

function deleteGroup(state: GroupState, step: Step, groupId: string): KafkaError {
  const group = state.groups.get(groupId)
  if (group === undefined) return errors.GROUP_ID_NOT_FOUND
  if (group.state !== 'Empty') return errors.NON_EMPTY_GROUP
  write(step, groupId, [...state.offsets.drop(groupId, () => true), forget(state, groupId)])
  return errors.NONE
}

function forget(state: GroupState, groupId: string): GroupRecord {
  state.groups.delete(groupId)
  return { type: 'classicGroup', groupId, value: null }
}

/** An empty group without offsets has nothing left to say. */
function sweep(state: GroupState, step: Step): void {
  for (const group of [...state.groups.values()]) {
    const { groupId } = group
    const records = expireOffsets(step, group, state.offsets)
    const isOver = group.state === 'Empty' && group.pendingJoins.size === 0 && !state.offsets.has(groupId)
    write(step, groupId, isOver ? [...records, forget(state, groupId)] : records)
  }
}

function replay(state: GroupState, record: GroupRecord): void {
  const { groupId } = record
  switch (record.type) {
    case 'offset':
      if (record.value !== null && !state.groups.has(groupId)) state.groups.set(groupId, new ClassicGroup(groupId, -1))
      state.offsets.set(groupId, record.topic, record.partition, record.value)
      return
    case 'classicGroup':
      if (record.value === null) state.groups.delete(groupId)
      else state.groups.set(groupId, classicGroupOf(groupId, record.value))
      return
    default:
      unreachable(record)
  }
}

/** Members get a session's time to show that they are alive. A group that may no longer be so large calls its members together. */
function begin(state: GroupState, step: Step, partition: number, partitions: number): void {
  for (const group of state.groups.values()) {
    if (partitionOf(group.groupId, partitions) !== partition) continue
    for (const member of group.members.values()) extendSession(step, group, member)
    if (group.members.size > step.limits.membersMax) rebalance(step, group)
  }
}

function tick(state: GroupState, step: Step): void {
  state.wakeAt = undefined
  for (let due = step.timers.take(step.now); due !== undefined; due = step.timers.take(step.now)) {
    const group = state.groups.get(due.groupId)
    if (group === undefined) continue
    switch (due.type) {
      case 'session':
        sessionDue(step, group, due.memberId)
        break
      case 'firstJoin':
        firstJoinDue(step, group, due.delayMs, due.remainingMs)
        break
      case 'joinPhase':
        completeJoinPhase(step, group)
        break
      case 'syncPhase':
        syncPhaseDue(step, group, due.generation)
        break
      default:
        unreachable(due)
    }
  }
}
