import { getI64 } from '../base/long.ts'
import type { LostRange, PartitionId } from '../ports.ts'
import type { RecoveredBatch } from '../wal/wal-recovery.ts'
import { WalCorrupt } from '../wal/wal-recovery.ts'
import { batchHeader } from '../wire/record-batch.ts'
import { Partition } from './partition.ts'

/**
 * Adds a recovered batch to its partition, like the append that wrote it. Its offsets continue at the end of the partition, or after a lost
 * range.
 */
export function replay(
  streams: Map<PartitionId, Partition>,
  view: DataView,
  batch: RecoveredBatch,
  lost: ReadonlyMap<PartitionId, readonly LostRange[]>,
): void {
  let stream = streams.get(batch.stream)
  if (stream === undefined) {
    stream = new Partition(batch.stream)
    stream.next = batch.baseOffset
    streams.set(batch.stream, stream)
  }
  const isLoss = lost.get(batch.stream)?.some(({ start, end }) => start === stream.next && end === batch.baseOffset) === true
  if (stream.next !== batch.baseOffset && !isLoss) {
    throw new WalCorrupt(
      `the write-ahead log has offset ${batch.baseOffset} of partition log ${batch.stream}, where offset ${stream.next} is expected; restore log.dirs and the write-ahead log from one copy`,
    )
  }
  const { address } = batch
  const count = view.getInt32(address + batchHeader.recordsCount)
  const maxTimestamp = getI64(view, address + batchHeader.maxTimestamp)
  const producerId = getI64(view, address + batchHeader.producerId)
  stream.push(batch.baseOffset, count, batch.position, batch.bytes, maxTimestamp)
  if (producerId < 0) return
  const epoch = view.getInt16(address + batchHeader.producerEpoch)
  stream.producers.replay(producerId, epoch, view.getInt32(address + batchHeader.baseSequence), count, batch.baseOffset, maxTimestamp)
}
