import type { KafkaError } from '../wire/errors.ts'
import type { ClassicGroup } from './classic-group.ts'
import type { GroupLimits } from './limits.ts'
import type { GroupEffect } from './messages.ts'
import type { GroupRecord } from './records.ts'
import type { GroupCounts } from './state.ts'
import type { Timers } from './timers.ts'
import type { Topics } from './topics.ts'

/** What a timer is for. Groups and members are named, not held: they may be gone by then. */
export type TimerAction =
  | { readonly type: 'session'; readonly groupId: string; readonly memberId: string }
  /** The first rebalance of a group waits for more members. */
  | { readonly type: 'firstJoin'; readonly groupId: string; readonly delayMs: number; readonly remainingMs: number }
  | { readonly type: 'joinPhase'; readonly groupId: string }
  /** A member of a consumer group gives up what it is to give up. */
  | { readonly type: 'revocation'; readonly groupId: string; readonly memberId: string; readonly epoch: number }
  | { readonly type: 'syncPhase'; readonly groupId: string; readonly generation: number }

/** What every part of the machine works with while it deals with one event. */
export interface Step {
  readonly now: number
  readonly limits: GroupLimits
  readonly timers: Timers<TimerAction>
  readonly topics: Topics
  readonly counts: GroupCounts
  readonly out: GroupEffect[]
}

const separator = '\0'
export const sessionKey = (groupId: string, memberId: string): string => ['s', groupId, memberId].join(separator)
export const joinKey = (groupId: string): string => ['j', groupId].join(separator)
export const rebalanceKey = (groupId: string, memberId: string): string => ['r', groupId, memberId].join(separator)
/** Of classic members of a consumer group: until when they are to have joined, or asked for their assignment. */
export const classicJoinKey = (groupId: string, memberId: string): string => ['cj', groupId, memberId].join(separator)
export const classicSyncKey = (groupId: string, memberId: string): string => ['cs', groupId, memberId].join(separator)
export const syncKey = (groupId: string): string => ['y', groupId].join(separator)

export function write({ out }: Step, groupId: string, records: readonly GroupRecord[]): void {
  if (records.length > 0) out.push({ type: 'write', groupId, records })
}

/** The type of an answer belongs to its question: the asker's ticket brings them together. */
export function answer({ out }: Step, groupId: string, ticket: number, said: unknown): void {
  out.push({ type: 'answer', groupId, ticket, answer: said })
}

export const writeGroup = (step: Step, group: ClassicGroup): void =>
  write(step, group.groupId, [{ type: 'classicGroup', groupId: group.groupId, value: group.value }])

/** An error, and nothing besides: what a member is refused with. */
export type Refusal = KafkaError | undefined
