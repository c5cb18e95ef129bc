import type { ClusterImage } from '../metadata/cluster-image.ts'
import type { NewTopic } from './commands.ts'

/** A request that assigns brokers may not set counts. */
export function manualError({ replicationFactor, partitions }: NewTopic): string | undefined {
  if (replicationFactor !== -1) return 'A manual partition assignment was specified, but replication factor was not set to -1.'
  if (partitions !== -1) return 'A manual partition assignment was specified, but numPartitions was not set to -1.'
  return undefined
}

/** Validates the brokers that a client assigned to partitions. */
export function assignmentError(assignments: NewTopic['assignments'], registered: ClusterImage['brokers']): string | undefined {
  const partitions = new Set<number>()
  for (const { partition, brokers } of assignments) {
    if (partitions.has(partition)) return `Found multiple manual partition assignments for partition ${partition}`
    partitions.add(partition)
    const wrong = brokersError(brokers, registered)
    if (wrong !== undefined) return wrong
  }
  const isSequence = assignments.every((_, partition) => partitions.has(partition))
  return isSequence ? undefined : 'The partitions of a manual assignment must be numbered from 0 without gaps.'
}

export function brokersError(brokers: readonly number[], registered: ClusterImage['brokers']): string | undefined {
  if (brokers.length === 0) return 'The manual partition assignment includes an empty replica list.'
  if (new Set(brokers).size < brokers.length) return 'The manual partition assignment includes a broker more than once.'
  const unregistered = brokers.find((broker) => !registered.has(broker))
  return unregistered === undefined
    ? undefined
    : `The manual partition assignment includes broker ${unregistered}, but no such broker is registered.`
}
