import type { ClassicGroup } from './classic/classic-group.ts'
import type { ConsumerGroup } from './consumer/consumer-group.ts'
import type { GroupLimits } from './limits.ts'
import { Offsets } from './offsets/offsets.ts'
import type { TimerAction } from './step.ts'
import { Timers } from './timers.ts'
import { Topics } from './topics.ts'

/** All types of groups are in one coordinator; an id belongs to one group at a time. */
export type Group = ClassicGroup | ConsumerGroup

export interface GroupState {
  readonly limits: GroupLimits
  readonly groups: Map<string, Group>
  readonly offsets: Offsets
  readonly timers: Timers<TimerAction>
  readonly topics: Topics
  readonly counts: GroupCounts
  /** Time of the last wake-up that was requested from the shell. */
  wakeAt: number | undefined
}

/** Event counts since the node started, for metrics. */
export interface GroupCounts {
  classicRebalances: number
  consumerRebalances: number
  offsetCommits: number
  offsetExpirations: number
  offsetDeletions: number
}

export const groupState = (limits: GroupLimits): GroupState => ({
  limits,
  groups: new Map(),
  offsets: new Offsets(),
  timers: new Timers(),
  topics: new Topics(),
  counts: { classicRebalances: 0, consumerRebalances: 0, offsetCommits: 0, offsetExpirations: 0, offsetDeletions: 0 },
  wakeAt: undefined,
})
