import { getI64 } from '../base/long.ts'
import type { LostRange, PartitionId } from '../ports/partitions.ts'
import type { RecoveredBatch } from '../wal/wal-recovery.ts'
import { WalCorrupt } from '../wal/wal-recovery.ts'
import { batchHeader } from '../wire/record-batch.ts'
import { Partition } from './partition.ts'

/**
 * Adds a recovered batch to its partition, like the append that wrote it. Its offsets continue at the end of the partition, or after a lost
 * range. With a higher leader epoch they may begin anywhere beyond: another broker led the partition meanwhile, and its records are in
 * objects.
 */
export function replay(
  partitions: Map<PartitionId, Partition>,
  view: DataView,
  batch: RecoveredBatch,
  lost: ReadonlyMap<PartitionId, readonly LostRange[]>,
): void {
  const { address } = batch
  const epoch = view.getInt32(address + batchHeader.partitionLeaderEpoch)
  let partition = partitions.get(batch.partitionId)
  if (partition === undefined) {
    partition = new Partition(batch.partitionId)
    partition.next = batch.baseOffset
    partition.leaderEpoch = epoch
    partitions.set(batch.partitionId, partition)
  }
  if (epoch < partition.leaderEpoch) {
    throw new WalCorrupt(
      `the write-ahead log has leader epoch ${epoch} of partition ${batch.partitionId} after epoch ${partition.leaderEpoch}; restore log.dirs and the write-ahead log from one copy`,
    )
  }
  if (epoch > partition.leaderEpoch) partition.beginEpoch(epoch, batch.baseOffset)
  const isLoss = lost.get(batch.partitionId)?.some(({ start, end }) => start === partition.next && end === batch.baseOffset) === true
  if (partition.next !== batch.baseOffset && !isLoss) {
    throw new WalCorrupt(
      `the write-ahead log has offset ${batch.baseOffset} of partition ${batch.partitionId}, where offset ${partition.next} is expected; restore log.dirs and the write-ahead log from one copy`,
    )
  }
  const count = view.getInt32(address + batchHeader.recordsCount)
  const maxTimestamp = getI64(view, address + batchHeader.maxTimestamp)
  const producerId = getI64(view, address + batchHeader.producerId)
  partition.push(batch.baseOffset, count, batch.position, batch.bytes, maxTimestamp)
  if (producerId < 0) return
  const producerEpoch = view.getInt16(address + batchHeader.producerEpoch)
  partition.producers.replay(
    producerId,
    producerEpoch,
    view.getInt32(address + batchHeader.baseSequence),
    count,
    batch.baseOffset,
    maxTimestamp,
  )
}
