import type { Partition } from '../../partition/partition.ts'
import type { PartitionId } from '../../ports.ts'
import { errors } from '../../wire/errors.ts'
import type { Appender } from './appender.ts'
import type { AppendedBatch, StagedBatch } from './lane-commands.ts'

/**
 * Appends the batches that the main thread has staged, as for a Produce request. Stops before the first batch that finds no room: the
 * caller retries the batches that are missing in the result.
 */
export function appendStaged(
  batches: readonly StagedBatch[],
  streams: ReadonlyMap<PartitionId, Partition>,
  appender: Appender,
  now: number,
  onGrown: (stream: Partition, records: number) => void,
): AppendedBatch[] {
  const appended: AppendedBatch[] = []
  for (const { stream: id, address, bytes } of batches) {
    const stream = streams.get(id)
    if (stream === undefined || !stream.open) {
      appended.push({ error: errors.UNKNOWN_TOPIC_OR_PARTITION.code, baseOffset: -1, durableAt: 0 })
      continue
    }
    const { next } = stream
    if (appender.append(stream, address, bytes, 0, now) !== undefined) break
    const { error, baseOffset, durableAt } = appender.outcome
    appended.push({ error, baseOffset, durableAt })
    if (stream.next !== next) onGrown(stream, stream.next - next)
  }
  return appended
}
