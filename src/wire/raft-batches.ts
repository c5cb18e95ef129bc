import type { OffsetAndEpoch, RaftBatch } from '../ports/raft-log.ts'
import { type BatchHeader, batchAt, batchBytes, batchHeader, codecOf, isBatchError } from './record-batch.ts'

/** Of one batch, which is an atomic command. */
export const raftBatchBytesMax = 8 << 20

/** Writes offset and epoch into a batch. The CRC covers neither. */
export function placeBatch(bytes: Buffer, baseOffset: number, epoch: number): RaftBatch {
  bytes.writeBigInt64BE(BigInt(baseOffset), batchHeader.baseOffset)
  bytes.writeInt32BE(epoch, batchHeader.partitionLeaderEpoch)
  return { baseOffset, endOffset: baseOffset + bytes.readInt32BE(batchHeader.lastOffsetDelta) + 1, epoch, bytes }
}

export interface RaftBatches {
  readonly batches: readonly RaftBatch[]
  /** Position after the last whole batch. */
  readonly bytes: number
  /** Why no batch follows; undefined if nothing follows. */
  readonly because: string | undefined
}

/**
 * The whole batches at the start of `bytes` that continue a log which ends at `end`. Without `end`, the first batch has any offset and epoch.
 * The CRC does not cover offset and epoch, so that offsets must have no gap and epochs must not decrease.
 */
export function readRaftBatches(bytes: Buffer, end?: OffsetAndEpoch): RaftBatches {
  const batches: RaftBatch[] = []
  let at = 0
  let before = end
  while (at < bytes.length) {
    const header = batchAt(bytes, at)
    const because = isBatchError(header) ? header.because : misplaced(header, before)
    if (isBatchError(header) || because !== undefined) return { batches, bytes: at, because }
    const length = batchBytes(header)
    const baseOffset = Number(header.baseOffset)
    const endOffset = baseOffset + header.lastOffsetDelta + 1
    const epoch = header.partitionLeaderEpoch
    batches.push({ baseOffset, endOffset, epoch, bytes: bytes.subarray(at, at + length) })
    before = { offset: endOffset, epoch }
    at += length
  }
  return { batches, bytes: at, because: undefined }
}

/** A batch without records replaces one that its reader does not need, and has its offsets. */
function misplaced(header: BatchHeader, before: OffsetAndEpoch | undefined): string | undefined {
  const { baseOffset, partitionLeaderEpoch: epoch, lastOffsetDelta, recordsCount } = header
  const length = batchBytes(header)
  if (length > raftBatchBytesMax) return `a batch of ${length} bytes exceeds ${raftBatchBytesMax}`
  if (codecOf(header) !== 'none') return `the batch is compressed by ${codecOf(header)}`
  if (lastOffsetDelta < 0 || (recordsCount !== 0 && recordsCount !== lastOffsetDelta + 1))
    return `a batch of ${recordsCount} records has a last offset delta of ${lastOffsetDelta}`
  if (baseOffset < 0n || baseOffset > BigInt(Number.MAX_SAFE_INTEGER - 2 ** 32)) return `the base offset is ${baseOffset}`
  if (epoch < 0) return `the epoch is ${epoch}`
  if (before === undefined) return undefined
  if (baseOffset !== BigInt(before.offset)) return `the base offset is ${baseOffset}, expected ${before.offset}`
  return epoch < before.epoch ? `the epoch is ${epoch}, below ${before.epoch}` : undefined
}
