import type { Timers } from '../coordinator/timers.ts'
import type { CompileExpression } from '../ports/expressions.ts'
import type { KafkaError } from '../wire/errors.ts'
import type { ClassicGroup } from './classic/classic-group.ts'
import type { GroupLimits } from './limits.ts'
import type { GroupEffect } from './messages.ts'
import type { GroupRecord } from './records.ts'
import type { Topics } from './topics.ts'

/** Purpose of a timer. Groups and members are referred to by name, since they may be removed before it fires. */
export type TimerAction =
  | { readonly type: 'session'; readonly groupId: string; readonly memberId: string }
  /** The first rebalance of a group waits for more members. */
  | { readonly type: 'firstJoin'; readonly groupId: string; readonly delayMs: number; readonly remainingMs: number }
  | { readonly type: 'joinPhase'; readonly groupId: string }
  /** A member of a consumer group must revoke its partitions. */
  | { readonly type: 'revocation'; readonly groupId: string; readonly memberId: string; readonly epoch: number }
  | { readonly type: 'syncPhase'; readonly groupId: string; readonly generation: number }

/** Event counts since the node started, for metrics. */
export interface GroupCounts {
  classicRebalances: number
  consumerRebalances: number
  offsetCommits: number
  offsetExpirations: number
  offsetDeletions: number
}

/** Context of one event for all parts of the machine. */
export interface Step {
  readonly now: number
  readonly limits: GroupLimits
  readonly timers: Timers<TimerAction>
  readonly topics: Topics
  readonly compileExpression: CompileExpression
  readonly counts: GroupCounts
  readonly out: GroupEffect[]
}

const separator = '\0'
export const sessionKey = (groupId: string, memberId: string): string => ['s', groupId, memberId].join(separator)
export const joinKey = (groupId: string): string => ['j', groupId].join(separator)
export const rebalanceKey = (groupId: string, memberId: string): string => ['r', groupId, memberId].join(separator)
/** Of classic members of a consumer group: deadline of their JoinGroup or SyncGroup request. */
export const classicJoinKey = (groupId: string, memberId: string): string => ['cj', groupId, memberId].join(separator)
export const classicSyncKey = (groupId: string, memberId: string): string => ['cs', groupId, memberId].join(separator)
export const syncKey = (groupId: string): string => ['y', groupId].join(separator)

export function write({ out }: Step, records: readonly GroupRecord[]): void {
  if (records.length > 0) out.push({ type: 'write', records })
}

/** The type of a response depends on its request; the ticket of the caller matches them. */
export function respond({ out }: Step, ticket: number, response: unknown): void {
  out.push({ type: 'respond', ticket, response })
}

export const writeGroup = (step: Step, group: ClassicGroup): void =>
  write(step, [{ type: 'classicGroup', groupId: group.groupId, value: group.value }])

/** A response with an error only. */
export type OptionalError = KafkaError | undefined
