import type { Partition } from '../../partition/partition.ts'
import type { PartitionId } from '../../ports.ts'
import { errors } from '../../wire/errors.ts'
import type { Appender } from './appender.ts'
import type { AppendedBatch, StagedBatch } from './lane-commands.ts'

/**
 * Appends what the main thread has staged, as any produce is appended. Stops in front of the first batch that finds no room: what is
 * not in the answer is to be asked for again.
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
