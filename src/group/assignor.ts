import { assert } from '../base/assert.ts'
import { assignRange } from './assign-range.ts'
import { assignUniform } from './assign-uniform.ts'
import type { Partitions } from './partitions.ts'

/** A member, as assignors see it. Racks count for nothing, as in Kafka. */
export interface Assignee {
  readonly memberId: string
  readonly instanceId: string | null
  /** Ids of topics that exist. */
  readonly subscribed: ReadonlySet<string>
  /** The target that it has. */
  readonly target: Partitions
}

/**
 * Who is to read what. A function of its arguments: `members` come sorted by id.
 *
 * Every partition of a topic that somebody reads goes to one member that reads it.
 */
export type Assign = (members: readonly Assignee[], partitionCount: (topicId: string) => number) => ReadonlyMap<string, Partitions>

const assignors: ReadonlyMap<string, Assign> = new Map([
  ['uniform', assignUniform],
  ['range', assignRange],
])

export function assignorNamed(name: string): Assign {
  const assign = assignors.get(name)
  assert(assign !== undefined, `there is an assignor ${name}`)
  return assign
}
