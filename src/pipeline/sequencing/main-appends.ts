import type { Partition } from '../../partition/partition.ts'
import type { AppendedBatch, StagedBatch } from '../../ports/lane-commands.ts'
import type { PartitionId } from '../../ports/partitions.ts'
import { errors } from '../../wire/errors.ts'
import type { Appender } from './appender.ts'

/**
 * Appends the batches that the main thread has staged, as for a Produce request. Stops before the first batch that finds no room: the
 * caller retries the batches that are missing in the result.
 */
export function appendStaged(
  batches: readonly StagedBatch[],
  partitions: ReadonlyMap<PartitionId, Partition>,
  appender: Appender,
  now: number,
  onGrown: (partition: Partition, records: number) => void,
): AppendedBatch[] {
  const appended: AppendedBatch[] = []
  for (const { partitionId: id, leaderEpoch, address, bytes } of batches) {
    const partition = partitions.get(id)
    if (partition === undefined || !partition.open) {
      appended.push({ error: errors.UNKNOWN_TOPIC_OR_PARTITION.code, baseOffset: -1, durableAt: 0 })
      continue
    }
    if (partition.leaderEpoch !== leaderEpoch) {
      appended.push({ error: errors.NOT_LEADER_OR_FOLLOWER.code, baseOffset: -1, durableAt: 0 })
      continue
    }
    const { next } = partition
    if (appender.append(partition, address, bytes, 0, now) !== undefined) break
    const { error, baseOffset, durableAt } = appender.outcome
    appended.push({ error, baseOffset, durableAt })
    if (partition.next !== next) onGrown(partition, partition.next - next)
  }
  return appended
}
