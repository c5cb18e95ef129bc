import type { Partitions } from '../partitions.ts'

/** A member as input of assignors. Racks are ignored, as in Kafka. */
export interface Assignee {
  readonly memberId: string
  readonly instanceId: string | null
  /** Ids of topics that exist. */
  readonly subscribed: ReadonlySet<string>
  /** The member's current target assignment. */
  readonly target: Partitions
}

/**
 * Computes the target assignment. A pure function of its arguments: `members` are sorted by id.
 *
 * Every partition of a topic with at least one reader is assigned to one member that reads it.
 */
export type Assign = (members: readonly Assignee[], partitionCount: (topicId: string) => number) => ReadonlyMap<string, Partitions>
