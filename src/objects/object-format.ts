import { record } from '../base/layout.ts'
import { getU64, putU64 } from '../base/long.ts'
import { crc32c } from '../wire/crc32c.ts'

/**
 * An object: data blocks, then an index of them, then a footer. Little-endian.
 *
 * A data block is consecutive batches of one partition, as sent by clients; the blocks of a partition are contiguous. Every block, the
 * index and the footer have a CRC-32C. An object with several partitions is a stream-set object, one with a single partition a stream
 * object.
 */
const streamRow = record({ stream: 'u32', firstBlock: 'u32', blocks: 'u32', zero: 'u32', start: 'u64', end: 'u64' })
const blockRow = record({ baseOffset: 'u64', position: 'u64', maxTimestamp: 'i64', length: 'u32', crc: 'u32', offsets: 'u32', zero: 'u32' })
const footer = record({ crc: 'u32', magic: 'u32', version: 'u32', indexCrc: 'u32', indexPosition: 'u64', streams: 'u32', blocks: 'u32' })
const magic = 0x424f524d // "MROB"
const version = 2

export const footerBytes = footer.bytes
/** Minimum size of the index entries of one partition. */
export const partIndexBytes = streamRow.bytes + blockRow.bytes
/** A block ends before it would exceed this size; a larger batch has a block of its own. */
export const blockBytesMax = 256 << 10

/** Index entry of a data block. */
export interface DataBlock {
  readonly baseOffset: number
  /** Offset after its last record. */
  readonly end: number
  readonly position: number
  readonly bytes: number
  /** CRC-32C, signed. */
  readonly crc: number
  readonly maxTimestamp: number
}

/** A partition's part of an object: all of its remaining offsets from `start` up to `end`. */
export interface StreamRange {
  readonly stream: number
  readonly start: number
  readonly end: number
}

export interface StreamBlocks extends StreamRange {
  readonly blocks: readonly DataBlock[]
}

/** The same part, as recorded in the metadata. */
export interface ObjectPart extends StreamRange {
  readonly bytes: number
  readonly maxTimestamp: number
}

/** A part without timestamps, or without records, gets the timestamp of its object: otherwise it would be retained forever. */
export function partOf({ stream, start, end, blocks }: StreamBlocks, storedMs: number): ObjectPart {
  const bytes = blocks.reduce((sum, block) => sum + block.bytes, 0)
  const latest = blocks.reduce((most, block) => Math.max(most, block.maxTimestamp), -1)
  return { stream, start, end, bytes, maxTimestamp: latest < 0 ? storedMs : latest }
}

/** Index and footer of an object. Its partitions are in ascending order, and its blocks have `bytes` in total. */
export function encodeIndex(streams: readonly StreamBlocks[], bytes: number): Buffer {
  const blockCount = streams.reduce((sum, { blocks }) => sum + blocks.length, 0)
  const indexBytes = streams.length * streamRow.bytes + blockCount * blockRow.bytes
  const out = Buffer.alloc(indexBytes + footer.bytes)
  const view = new DataView(out.buffer, out.byteOffset, out.length)
  let next = 0
  streams.forEach(({ stream, start, end, blocks }, i) => {
    const row = i * streamRow.bytes
    view.setUint32(row + streamRow.stream, stream, true)
    view.setUint32(row + streamRow.firstBlock, next, true)
    view.setUint32(row + streamRow.blocks, blocks.length, true)
    putU64(view, row + streamRow.start, start)
    putU64(view, row + streamRow.end, end)
    for (const block of blocks) writeBlock(view, streams.length * streamRow.bytes + next++ * blockRow.bytes, block)
  })
  view.setUint32(indexBytes + footer.magic, magic, true)
  view.setUint32(indexBytes + footer.version, version, true)
  view.setUint32(indexBytes + footer.indexCrc, crc32c(out, 0, indexBytes), true)
  putU64(view, indexBytes + footer.indexPosition, bytes)
  view.setUint32(indexBytes + footer.streams, streams.length, true)
  view.setUint32(indexBytes + footer.blocks, blockCount, true)
  view.setUint32(indexBytes + footer.crc, crc32c(out, indexBytes + footer.magic, out.length), true)
  return out
}

function writeBlock(view: DataView, at: number, block: DataBlock): void {
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
  readonly indexPosition: number
  readonly indexBytes: number
  readonly indexCrc: number
  readonly streams: number
  readonly blocks: number
}

/** Reads the last `footerBytes` of an object. Throws ObjectDamaged. */
export function readFooter(bytes: Uint8Array, objectBytes: number): Footer {
  if (bytes.length !== footer.bytes) throw new ObjectDamaged(`an object of ${objectBytes} bytes is too short for a footer`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  if (view.getUint32(footer.crc, true) !== crc32c(bytes, footer.magic, footer.bytes) || view.getUint32(footer.magic, true) !== magic) {
    throw new ObjectDamaged('the footer of an object is damaged')
  }
  const found = view.getUint32(footer.version, true)
  if (found !== version) throw new ObjectDamaged(`an object has format ${found}; this Millrace reads ${version}`)
  const indexPosition = getU64(view, footer.indexPosition)
  const streams = view.getUint32(footer.streams, true)
  const blocks = view.getUint32(footer.blocks, true)
  const indexBytes = streams * streamRow.bytes + blocks * blockRow.bytes
  if (indexPosition + indexBytes + footer.bytes !== objectBytes) throw new ObjectDamaged('an object has not the size that its footer says')
  return { indexPosition, indexBytes, indexCrc: view.getUint32(footer.indexCrc, true), streams, blocks }
}

/** The index of one object. */
export class ObjectIndex {
  readonly #view: DataView
  readonly #streams: number

  /** Throws ObjectDamaged. */
  constructor(bytes: Uint8Array, { indexBytes, indexCrc, streams }: Footer) {
    if (bytes.length !== indexBytes || crc32c(bytes, 0, bytes.length) !== indexCrc) {
      throw new ObjectDamaged('the index of an object is damaged')
    }
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#streams = streams
  }

  get bytes(): number {
    return this.#view.byteLength
  }

  get streams(): readonly StreamRange[] {
    return Array.from({ length: this.#streams }, (_, i) => ({
      stream: this.#view.getUint32(i * streamRow.bytes + streamRow.stream, true),
      start: getU64(this.#view, i * streamRow.bytes + streamRow.start),
      end: getU64(this.#view, i * streamRow.bytes + streamRow.end),
    }))
  }

  /** Blocks of a partition by offset, starting with the first that ends after `offset`. */
  *from(stream: number, offset: number): Generator<DataBlock, void, void> {
    const { first, count } = this.#rowsOf(stream)
    let low = first
    let high = first + count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#block(middle).end <= offset) low = middle + 1
      else high = middle
    }
    for (let i = low; i < first + count; i++) yield this.#block(i)
  }

  #rowsOf(stream: number): { first: number; count: number } {
    let low = 0
    let high = this.#streams
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#view.getUint32(middle * streamRow.bytes + streamRow.stream, true) < stream) low = middle + 1
      else high = middle
    }
    const row = low * streamRow.bytes
    if (low === this.#streams || this.#view.getUint32(row + streamRow.stream, true) !== stream) return { first: 0, count: 0 }
    return { first: this.#view.getUint32(row + streamRow.firstBlock, true), count: this.#view.getUint32(row + streamRow.blocks, true) }
  }

  #block(index: number): DataBlock {
    const at = this.#streams * streamRow.bytes + index * blockRow.bytes
    const baseOffset = getU64(this.#view, at + blockRow.baseOffset)
    return {
      baseOffset,
      end: baseOffset + this.#view.getUint32(at + blockRow.offsets, true),
      position: getU64(this.#view, at + blockRow.position),
      bytes: this.#view.getUint32(at + blockRow.length, true),
      crc: this.#view.getInt32(at + blockRow.crc, true),
      maxTimestamp: Number(this.#view.getBigInt64(at + blockRow.maxTimestamp, true)),
    }
  }
}
