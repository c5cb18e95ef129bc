import { type FullSegment, segmentRow } from '../../src/ports/segment-rows.ts'
import { readBatchHeader } from '../../src/wire/record-batch.ts'
import { encodeBatch } from './batch.ts'

export interface SegmentBatch {
  readonly partitionId: number
  readonly batch: Buffer
}

/** Size of the header of a WAL record, which precedes each batch. */
export const recordHeaderBytes = 56

/** A segment of the WAL: each batch follows `gap` bytes that belong to no batch, and its row is in the order of the index. */
export function segmentOf(
  batches: readonly SegmentBatch[],
  gap: (index: number) => number = () => recordHeaderBytes,
): { readonly data: Buffer; readonly rows: FullSegment['rows'] } {
  const pieces: Buffer[] = []
  const rows: number[][] = []
  let position = 0
  for (const [index, { partitionId, batch }] of batches.entries()) {
    pieces.push(Buffer.alloc(gap(index), 0xaa), batch)
    position += gap(index)
    const header = readBatchHeader(new DataView(batch.buffer, batch.byteOffset, batch.length), 0)
    const row: number[] = []
    row[segmentRow.partitionId] = partitionId
    row[segmentRow.baseOffset] = Number(header.baseOffset)
    row[segmentRow.end] = Number(header.baseOffset) + header.lastOffsetDelta + 1
    row[segmentRow.position] = position
    row[segmentRow.bytes] = batch.length
    row[segmentRow.maxTimestamp] = Number(header.maxTimestamp)
    rows.push(row)
    position += batch.length
  }
  pieces.push(Buffer.alloc(gap(batches.length), 0xaa))
  rows.sort((a, b) => a[0]! - b[0]! || a[1]! - b[1]!)
  return { data: Buffer.concat(pieces), rows: new Float64Array(rows.flat()) }
}

/** A batch with one record, whose value has this many bytes and differs by offset. */
export const batchOf = (partitionId: number, offset: number, valueBytes = 10): SegmentBatch => ({
  partitionId,
  batch: encodeBatch([{ value: Buffer.alloc(valueBytes, `${partitionId}/${offset} `) }], {
    baseOffset: BigInt(offset),
    baseTimestamp: BigInt(1000 + offset),
  }),
})
