import { nameExpression } from '../../coordinator/name-expression.ts'
import { type ConsumerRecord, isTooLarge } from '../records.ts'
import type { Step } from '../step.ts'
import type { ConsumerGroup, Resolved } from './consumer-group.ts'
import { type ConsumerMember, equalTopics } from './consumer-member.ts'
import { change, expressionTombstone, nextEpoch } from './consumer-steps.ts'

/** Minimum time between two evaluations of a group's expressions. Kafka's number. */
const refreshMinMs = 10_000

/** Effect of a member's new expression: no change, an expression to evaluate, or one whose topics are already resolved. */
export type ExpressionChange = 'same' | 'unresolved' | 'resolved'

export function expressionChange(group: ConsumerGroup, before: ConsumerMember, response: ConsumerMember): ExpressionChange {
  if (before.expression === response.expression) return 'same'
  return response.expression === '' || group.resolved.has(response.expression) ? 'resolved' : 'unresolved'
}

/** Removes an expression that no member uses. */
export function dropUnused(step: Step, group: ConsumerGroup, expression: string): void {
  if (!group.resolved.has(expression) || group.countWith(expression) > 0) return
  change(step, group, [expressionTombstone(group.groupId, expression)])
}

/**
 * Evaluates the group's expressions against the topics. Required when an expression has never been evaluated, when topics were added, or
 * when the last evaluation is too old. Members receive changes with their next heartbeats.
 */
export function refreshExpressions(step: Step, group: ConsumerGroup): void {
  const expressions = new Set(Array.from(group.members.values(), ({ expression }) => expression).filter((expression) => expression !== ''))
  if (expressions.size === 0 || !isDue(step, group, expressions)) return
  group.resolvedVersion = step.topics.version
  const records = [...expressions].sort().map((regularExpression): ConsumerRecord => {
    const value: Resolved = { topics: matching(step, regularExpression), version: BigInt(step.topics.version), timestamp: BigInt(step.now) }
    return { type: 'consumerExpression', groupId: group.groupId, regularExpression, value: { ...value, topics: [...value.topics] } }
  })
  if (records.some((record) => isTooLarge(record, step.limits.recordBytesMax))) return
  const before = new Map([...expressions].map((expression) => [expression, group.resolved.get(expression)?.topics ?? []]))
  change(step, group, records)
  if ([...before].every(([expression, topics]) => equalTopics(topics, group.resolved.get(expression)!.topics))) return
  change(step, group, [nextEpoch(step, group)])
}

function isDue({ now, topics, limits }: Step, group: ConsumerGroup, expressions: ReadonlySet<string>): boolean {
  let last = 0
  for (const { timestamp } of group.resolved.values()) last = Math.max(last, Number(timestamp))
  const age = now - last
  if (age >= 0 && age < refreshMinMs) return false
  const isNew = [...expressions].some((expression) => !group.resolved.has(expression))
  return isNew || group.resolvedVersion < topics.version || age < 0 || age >= limits.expressionRefreshMs
}

/** An expression from the log may come from a release with other limits: it matches nothing then. */
function matching({ topics, compileExpression }: Step, text: string): string[] {
  const expression = nameExpression(text, compileExpression)
  if ('error' in expression) return []
  return [...topics.names].filter((name) => expression.matches(name)).sort()
}
