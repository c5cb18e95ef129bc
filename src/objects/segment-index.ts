import { assert } from '../base/assert.ts'
import { putU64 } from '../base/long.ts'
import { type FullSegment, segmentRow } from '../ports/segment-rows.ts'
import type { ObjectPart } from '../ports/stored-objects.ts'
import { blockRow, footerBytes, partitionRow, segmentFormat, writeFooter } from './object-format.ts'

/** Limit of the index: the range of offsets of a batch. */
const spanMax = 2 ** 32 - 1

export interface SegmentIndex {
  /** Index and footer: the bytes of the object after the segment. */
  readonly index: Buffer
  readonly parts: readonly ObjectPart[]
}

/**
 * Index of a segment that becomes an object of format 3, and the parts of that object. A segment has tens of thousands of batches: the rows
 * are encoded without an object for each. `storedMs` is the timestamp of a part without timestamps.
 */
export function encodeSegmentIndex({ rows, bytes: segmentBytes }: Pick<FullSegment, 'rows' | 'bytes'>, storedMs: number): SegmentIndex {
  const blocks = rows.length / segmentRow.columns
  assert(blocks > 0 && Number.isInteger(blocks), 'a segment that becomes an object has whole rows')
  const partitionCount = partitionsIn(rows)
  const blocksAt = partitionCount * partitionRow.bytes
  const index = Buffer.alloc(blocksAt + blocks * blockRow.bytes + footerBytes)
  const view = new DataView(index.buffer, index.byteOffset, index.length)
  const parts: ObjectPart[] = []
  for (let first = 0; first < blocks; ) {
    const part = partFrom(rows, first, segmentBytes)
    const row = parts.length * partitionRow.bytes
    view.setUint32(row + partitionRow.partitionId, part.partitionId, true)
    view.setUint32(row + partitionRow.firstBlock, first, true)
    view.setUint32(row + partitionRow.blocks, part.blocks, true)
    putU64(view, row + partitionRow.start, part.start)
    putU64(view, row + partitionRow.end, part.end)
    const { partitionId, start, end, bytes, maxTimestamp } = part
    parts.push({ partitionId, start, end, bytes, maxTimestamp: maxTimestamp < 0 ? storedMs : maxTimestamp })
    first += part.blocks
  }
  for (let block = 0; block < blocks; block++) writeRow(view, blocksAt + block * blockRow.bytes, rows, block * segmentRow.columns)
  writeFooter(index, { format: segmentFormat, dataBytes: segmentBytes, partitionCount, blocks })
  return { index, parts }
}

/** The part with its first batch in row `first`. Its timestamp is negative if no batch has one. */
function partFrom(rows: Float64Array, first: number, segmentBytes: number): ObjectPart & { readonly blocks: number } {
  const from = first * segmentRow.columns
  const partitionId = rows[from + segmentRow.partitionId]!
  let end = rows[from + segmentRow.baseOffset]!
  let behind = 0
  let bytes = 0
  let maxTimestamp = -1
  let at = from
  for (; at < rows.length && rows[at + segmentRow.partitionId] === partitionId; at += segmentRow.columns) {
    const baseOffset = rows[at + segmentRow.baseOffset]!
    const position = rows[at + segmentRow.position]!
    assert(baseOffset >= end && position >= behind, 'rows of a partition are in the order of their offsets and positions')
    end = rows[at + segmentRow.end]!
    behind = position + rows[at + segmentRow.bytes]!
    assert(end > baseOffset && end - baseOffset <= spanMax, 'a batch has a range of offsets that the index can contain')
    assert(behind <= segmentBytes, 'a batch is within its segment')
    bytes += behind - position
    maxTimestamp = Math.max(maxTimestamp, rows[at + segmentRow.maxTimestamp]!)
  }
  return { partitionId, start: rows[from + segmentRow.baseOffset]!, end, bytes, maxTimestamp, blocks: (at - from) / segmentRow.columns }
}

/** The column for the checksum of the block stays 0. */
function writeRow(view: DataView, at: number, rows: Float64Array, row: number): void {
  const baseOffset = rows[row + segmentRow.baseOffset]!
  putU64(view, at + blockRow.baseOffset, baseOffset)
  putU64(view, at + blockRow.position, rows[row + segmentRow.position]!)
  // Two's complement: also for a batch without timestamps, which has -1.
  putU64(view, at + blockRow.maxTimestamp, rows[row + segmentRow.maxTimestamp]!)
  view.setUint32(at + blockRow.length, rows[row + segmentRow.bytes]!, true)
  view.setUint32(at + blockRow.offsets, rows[row + segmentRow.end]! - baseOffset, true)
}

function partitionsIn(rows: Float64Array): number {
  let partitions = 0
  let last = -1
  for (let at = segmentRow.partitionId; at < rows.length; at += segmentRow.columns) {
    const partitionId = rows[at]!
    assert(partitionId >= last, 'the rows of a segment are in the order of their partitions')
    if (partitionId !== last) partitions++
    last = partitionId
  }
  return partitions
}
