import type { DataBlock } from '../ports/stored-objects.ts'
import { blockBytesMax, type PartitionBlocks } from './object-format.ts'

/** A batch for an object, and its address in the memory of the builder. */
export interface StagedBatch {
  readonly baseOffset: number
  /** Offset after its last record. */
  readonly end: number
  readonly bytes: number
  readonly maxTimestamp: number
  readonly address: number
}

export interface ObjectPlan {
  /** In the order of their bytes. */
  readonly partitions: readonly PartitionBlocks[]
  readonly batches: readonly StagedBatch[]
  /** Total size of the data blocks. */
  readonly bytes: number
}

/** Arranges batches into the data blocks of an object. `crc` is the kernel's: the result seeds the next piece. */
export function planObject(
  staged: ReadonlyMap<number, readonly StagedBatch[]>,
  crc: (address: number, bytes: number, seed: number) => number,
): ObjectPlan {
  const rows = [...staged].filter(([, batches]) => batches.length > 0).sort(([a], [b]) => a - b)
  let position = 0
  const partitions = rows.map(([partitionId, batches]) => {
    const blocks: DataBlock[] = []
    for (let first = 0, next = 0; first < batches.length; first = next) {
      let bytes = 0
      let sum = 0
      let maxTimestamp = Number.NEGATIVE_INFINITY
      for (next = first; next < batches.length && (next === first || bytes + batches[next]!.bytes <= blockBytesMax); next++) {
        const batch = batches[next]!
        sum = crc(batch.address, batch.bytes, sum)
        bytes += batch.bytes
        maxTimestamp = Math.max(maxTimestamp, batch.maxTimestamp)
      }
      blocks.push({ baseOffset: batches[first]!.baseOffset, end: batches[next - 1]!.end, position, bytes, crc: sum, maxTimestamp })
      position += bytes
    }
    return { partitionId, start: blocks[0]!.baseOffset, end: blocks.at(-1)!.end, blocks }
  })
  return { partitions, batches: rows.flatMap(([, batches]) => batches), bytes: position }
}
