import { Timers } from '../coordinator/timers.ts'
import type { CompileExpression } from '../ports/expressions.ts'
import type { ClassicGroup } from './classic/classic-group.ts'
import type { ConsumerGroup } from './consumer/consumer-group.ts'
import type { GroupLimits } from './limits.ts'
import { Offsets } from './offsets/offsets.ts'
import type { GroupCounts, TimerAction } from './step.ts'
import { Topics } from './topics.ts'

/** All types of groups are in one coordinator; an id belongs to one group at a time. */
export type Group = ClassicGroup | ConsumerGroup

/** What the partitions of a coordinator share. No record changes it. */
export interface GroupShared {
  readonly limits: GroupLimits
  readonly topics: Topics
  readonly counts: GroupCounts
  readonly compileExpression: CompileExpression
  /** The id of any topic that groups may have read, if it exists. */
  readonly topicIdOf: (topic: string) => string | undefined
}

/** The groups of one partition of the offsets topic. */
export interface GroupState extends GroupShared {
  readonly groups: Map<string, Group>
  readonly offsets: Offsets
  readonly timers: Timers<TimerAction>
  /** Topics that were deleted before the load was complete: their offsets are removed after it. Undefined after the load. */
  deletedBeforeLoad: Set<string> | undefined
}

export const groupShared = (
  limits: GroupLimits,
  compileExpression: CompileExpression,
  topicIdOf: GroupShared['topicIdOf'],
): GroupShared => ({
  limits,
  compileExpression,
  topics: new Topics(),
  counts: { classicRebalances: 0, consumerRebalances: 0, offsetCommits: 0, offsetExpirations: 0, offsetDeletions: 0 },
  topicIdOf,
})

export const groupState = (shared: GroupShared): GroupState => ({
  ...shared,
  groups: new Map(),
  offsets: new Offsets(),
  timers: new Timers(),
  deletedBeforeLoad: new Set(),
})
