import type { RaftBatch } from '../../src/ports/raft-log.ts'
import { buildBatch } from '../../src/wire/batch-builder.ts'
import { placeBatch } from '../../src/wire/raft-batches.ts'

/** A batch whose values contain its offset and epoch, so that equal batches have equal places. */
export function raftBatch(baseOffset: number, epoch: number, { records = 1, valueBytes = 0 } = {}): RaftBatch {
  const rows = Array.from({ length: records }, (_, index) => ({
    timestamp: 1_700_000_000_000n,
    value: Buffer.concat([Buffer.from(`${baseOffset + index}@${epoch} `), Buffer.alloc(valueBytes, 'v')]),
  }))
  return placeBatch(buildBatch(rows), baseOffset, epoch)
}

/** Batches of one record each, one after another. */
export const raftBatches = (baseOffset: number, epoch: number, count: number, valueBytes = 0): RaftBatch[] =>
  Array.from({ length: count }, (_, index) => raftBatch(baseOffset + index, epoch, { valueBytes }))
