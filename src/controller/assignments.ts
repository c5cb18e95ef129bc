import type { NewTopic } from './messages.ts'

/** A request that assigns brokers may not set counts. */
export function manualComplaint({ replicationFactor, partitions }: NewTopic): string | undefined {
  if (replicationFactor !== -1) return 'A manual partition assignment was specified, but replication factor was not set to -1.'
  if (partitions !== -1) return 'A manual partition assignment was specified, but numPartitions was not set to -1.'
  return undefined
}

/** Validates the brokers that a client assigned to partitions; the cluster has one broker. */
export function assignmentComplaint(assignments: NewTopic['assignments'], nodeId: number): string | undefined {
  const partitions = new Set<number>()
  for (const { partition, brokers } of assignments) {
    if (partitions.has(partition)) return `Found multiple manual partition assignments for partition ${partition}`
    partitions.add(partition)
    const wrong = brokersComplaint(brokers, nodeId)
    if (wrong !== undefined) return wrong
  }
  const isSequence = assignments.every((_, partition) => partitions.has(partition))
  return isSequence ? undefined : 'The partitions of a manual assignment must be numbered from 0 without gaps.'
}

export function brokersComplaint(brokers: readonly number[], nodeId: number): string | undefined {
  if (brokers.length === 0) return 'The manual partition assignment includes an empty replica list.'
  if (new Set(brokers).size < brokers.length) return 'The manual partition assignment includes a broker more than once.'
  const stranger = brokers.find((broker) => broker !== nodeId)
  return stranger === undefined
    ? undefined
    : `The manual partition assignment includes broker ${stranger}, but no such broker is registered.`
}
