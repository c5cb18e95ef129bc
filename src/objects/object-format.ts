import { assert } from '../base/assert.ts'
import { record } from '../base/layout.ts'
import { getU64, putU64 } from '../base/long.ts'
import type { DataBlock, ObjectPart, PartitionRange } from '../ports/stored-objects.ts'
import { crc32c } from '../wire/crc32c.ts'

/**
 * An object: data blocks, then an index of them, then a footer. Little-endian. Index and footer have a CRC-32C.
 *
 * Format 2: a data block is consecutive batches of one partition, as sent by clients. The blocks of a partition are contiguous, and the
 * index has a CRC-32C of each.
 *
 * Format 3: the data is a segment of the WAL. A data block is one batch. Positions ascend within a partition, with gaps: record headers,
 * padding, batches of other partitions. The index has no CRC of a block, because its writer never reads the batches back; a block is
 * verified by the checksum in its batch.
 *
 * An object with several partitions is a multi-partition object, one with a single partition a partition object.
 */
export const partitionRow = record({ partitionId: 'u32', firstBlock: 'u32', blocks: 'u32', zero: 'u32', start: 'u64', end: 'u64' })
export const blockRow = record({
  baseOffset: 'u64',
  position: 'u64',
  maxTimestamp: 'i64',
  length: 'u32',
  crc: 'u32',
  offsets: 'u32',
  zero: 'u32',
})
const footer = record({
  crc: 'u32',
  magic: 'u32',
  version: 'u32',
  indexCrc: 'u32',
  indexPosition: 'u64',
  partitionCount: 'u32',
  blocks: 'u32',
})
const magic = 0x424f524d // "MROB"
/** Format of an object with data blocks sorted by partition. */
const sortedFormat = 2
/** Format of an object that was a segment of the WAL. */
export const segmentFormat = 3

export const footerBytes = footer.bytes
/** Minimum size of the index entries of one partition. */
export const partIndexBytes = partitionRow.bytes + blockRow.bytes
/** A block ends before it would exceed this size; a larger batch has a block of its own. */
export const blockBytesMax = 256 << 10

export interface PartitionBlocks extends PartitionRange {
  readonly blocks: readonly DataBlock[]
}

/** A part without timestamps, or without records, gets the timestamp of its object: otherwise it would be retained forever. */
export function partOf({ partitionId, start, end, blocks }: PartitionBlocks, storedMs: number): ObjectPart {
  const bytes = blocks.reduce((sum, block) => sum + block.bytes, 0)
  const latest = blocks.reduce((most, block) => Math.max(most, block.maxTimestamp), -1)
  return { partitionId, start, end, bytes, maxTimestamp: latest < 0 ? storedMs : latest }
}

/** Index and footer of an object. Its partitions are in ascending order, and its blocks have `bytes` in total. */
export function encodeIndex(partitions: readonly PartitionBlocks[], bytes: number): Buffer {
  const blockCount = partitions.reduce((sum, { blocks }) => sum + blocks.length, 0)
  const indexBytes = partitions.length * partitionRow.bytes + blockCount * blockRow.bytes
  const out = Buffer.alloc(indexBytes + footer.bytes)
  const view = new DataView(out.buffer, out.byteOffset, out.length)
  let next = 0
  partitions.forEach(({ partitionId, start, end, blocks }, i) => {
    const row = i * partitionRow.bytes
    view.setUint32(row + partitionRow.partitionId, partitionId, true)
    view.setUint32(row + partitionRow.firstBlock, next, true)
    view.setUint32(row + partitionRow.blocks, blocks.length, true)
    putU64(view, row + partitionRow.start, start)
    putU64(view, row + partitionRow.end, end)
    for (const block of blocks) writeBlock(view, partitions.length * partitionRow.bytes + next++ * blockRow.bytes, block)
  })
  writeFooter(out, { format: sortedFormat, dataBytes: bytes, partitionCount: partitions.length, blocks: blockCount })
  return out
}

/** Writes the footer behind the complete index: the last bytes of `out`. */
export function writeFooter(
  out: Buffer,
  { format, dataBytes, partitionCount, blocks }: { format: number; dataBytes: number; partitionCount: number; blocks: number },
): void {
  const view = new DataView(out.buffer, out.byteOffset, out.length)
  const at = out.length - footer.bytes
  assert(at === partitionCount * partitionRow.bytes + blocks * blockRow.bytes, 'a footer follows the rows of its index')
  view.setUint32(at + footer.magic, magic, true)
  view.setUint32(at + footer.version, format, true)
  view.setUint32(at + footer.indexCrc, crc32c(out, 0, at), true)
  putU64(view, at + footer.indexPosition, dataBytes)
  view.setUint32(at + footer.partitionCount, partitionCount, true)
  view.setUint32(at + footer.blocks, blocks, true)
  view.setUint32(at + footer.crc, crc32c(out, at + footer.magic, out.length), true)
}

function writeBlock(view: DataView, at: number, block: DataBlock): void {
  assert(block.crc !== null, 'a sorted block has a checksum')
  putU64(view, at + blockRow.baseOffset, block.baseOffset)
  putU64(view, at + blockRow.position, block.position)
  view.setBigInt64(at + blockRow.maxTimestamp, BigInt(block.maxTimestamp), true)
  view.setUint32(at + blockRow.length, block.bytes, true)
  view.setInt32(at + blockRow.crc, block.crc, true)
  view.setUint32(at + blockRow.offsets, block.end - block.baseOffset, true)
}

/** The object does not contain what was written. */
export class ObjectDamaged extends Error {}

/** Footer of an object, which locates its index. */
export interface Footer {
  readonly format: number
  readonly indexPosition: number
  readonly indexBytes: number
  readonly indexCrc: number
  readonly partitionCount: number
  readonly blocks: number
}

/** Reads the last `footerBytes` of an object. Throws ObjectDamaged. */
export function readFooter(bytes: Uint8Array, objectBytes: number): Footer {
  if (bytes.length !== footer.bytes) throw new ObjectDamaged(`an object of ${objectBytes} bytes is too short for a footer`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  if (view.getUint32(footer.crc, true) !== crc32c(bytes, footer.magic, footer.bytes) || view.getUint32(footer.magic, true) !== magic) {
    throw new ObjectDamaged('the footer of an object is damaged')
  }
  const format = view.getUint32(footer.version, true)
  if (format !== sortedFormat && format !== segmentFormat) {
    throw new ObjectDamaged(`an object has format ${format}; this Millrace reads ${sortedFormat} and ${segmentFormat}`)
  }
  const indexPosition = getU64(view, footer.indexPosition)
  const partitionCount = view.getUint32(footer.partitionCount, true)
  const blocks = view.getUint32(footer.blocks, true)
  const indexBytes = partitionCount * partitionRow.bytes + blocks * blockRow.bytes
  if (indexPosition + indexBytes + footer.bytes !== objectBytes)
    throw new ObjectDamaged('the size of the object differs from the size in its footer')
  return { format, indexPosition, indexBytes, indexCrc: view.getUint32(footer.indexCrc, true), partitionCount, blocks }
}

/** The index of one object. */
export class ObjectIndex {
  readonly #view: DataView
  readonly #partitionCount: number
  /** The blocks have checksums in the index. */
  readonly #hasCrcs: boolean

  /** Throws ObjectDamaged. */
  constructor(bytes: Uint8Array, { format, indexBytes, indexCrc, partitionCount }: Footer) {
    if (bytes.length !== indexBytes || crc32c(bytes, 0, bytes.length) !== indexCrc) {
      throw new ObjectDamaged('the index of an object is damaged')
    }
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#partitionCount = partitionCount
    this.#hasCrcs = format !== segmentFormat
  }

  get bytes(): number {
    return this.#view.byteLength
  }

  get partitions(): readonly PartitionRange[] {
    return Array.from({ length: this.#partitionCount }, (_, i) => ({
      partitionId: this.#view.getUint32(i * partitionRow.bytes + partitionRow.partitionId, true),
      start: getU64(this.#view, i * partitionRow.bytes + partitionRow.start),
      end: getU64(this.#view, i * partitionRow.bytes + partitionRow.end),
    }))
  }

  /** Blocks of a partition by offset, starting with the first that ends after `offset`. */
  *from(partitionId: number, offset: number): Generator<DataBlock, void, void> {
    const { first, count } = this.#rowsOf(partitionId)
    let low = first
    let high = first + count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#block(middle).end <= offset) low = middle + 1
      else high = middle
    }
    for (let i = low; i < first + count; i++) yield this.#block(i)
  }

  #rowsOf(partitionId: number): { first: number; count: number } {
    let low = 0
    let high = this.#partitionCount
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#view.getUint32(middle * partitionRow.bytes + partitionRow.partitionId, true) < partitionId) low = middle + 1
      else high = middle
    }
    const row = low * partitionRow.bytes
    if (low === this.#partitionCount || this.#view.getUint32(row + partitionRow.partitionId, true) !== partitionId)
      return { first: 0, count: 0 }
    return {
      first: this.#view.getUint32(row + partitionRow.firstBlock, true),
      count: this.#view.getUint32(row + partitionRow.blocks, true),
    }
  }

  #block(index: number): DataBlock {
    const at = this.#partitionCount * partitionRow.bytes + index * blockRow.bytes
    const baseOffset = getU64(this.#view, at + blockRow.baseOffset)
    return {
      baseOffset,
      end: baseOffset + this.#view.getUint32(at + blockRow.offsets, true),
      position: getU64(this.#view, at + blockRow.position),
      bytes: this.#view.getUint32(at + blockRow.length, true),
      crc: this.#hasCrcs ? this.#view.getInt32(at + blockRow.crc, true) : null,
      maxTimestamp: Number(this.#view.getBigInt64(at + blockRow.maxTimestamp, true)),
    }
  }
}
