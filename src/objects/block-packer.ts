import { assert } from '../base/assert.ts'
import type { DataBlock } from '../ports/stored-objects.ts'
import { crc32c } from '../wire/crc32c.ts'
import { batchHeader, lastOffset, readBatchHeader } from '../wire/record-batch.ts'
import { blockBytesMax } from './object-format.ts'

export interface PackedBatch {
  readonly bytes: Uint8Array
  readonly baseOffset: number
  /** Offset after its last record. */
  readonly end: number
  readonly maxTimestamp: number
  readonly isEmpty: boolean
}

/** A whole batch, with the fields of its header that the index needs. */
export function packedBatch(bytes: Uint8Array): PackedBatch {
  assert(bytes.length >= batchHeader.bytes, 'a batch has a header')
  const header = readBatchHeader(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0)
  return {
    bytes,
    baseOffset: Number(header.baseOffset),
    end: Number(lastOffset(header)) + 1,
    maxTimestamp: Number(header.maxTimestamp),
    isEmpty: header.recordsCount === 0,
  }
}

/** Limit of the index: the range of offsets of a block, including gaps. */
const spanMax = 2 ** 32 - 1

/** Packs the batches of one partition into consecutive data blocks. */
export class BlockPacker {
  readonly blocks: DataBlock[] = []
  #position: number
  #pieces: Uint8Array[] = []
  #first = 0
  #end = 0
  #bytes = 0
  #crc = 0
  /** Of batches with and without records. An empty batch has a timestamp, but no record that a search can return. */
  #maxTimestamp = { full: Number.NEGATIVE_INFINITY, empty: Number.NEGATIVE_INFINITY }

  /** `position` is the position of the first block. */
  constructor(position: number) {
    this.#position = position
  }

  /** Returns the block that this batch completes, to be written now; empty if there is none. */
  add({ bytes, baseOffset, end, maxTimestamp, isEmpty }: PackedBatch): readonly Uint8Array[] {
    const isFull = this.#bytes > 0 && (this.#bytes + bytes.length > blockBytesMax || end - this.#first > spanMax)
    const finished = isFull ? this.finish() : []
    if (this.#bytes === 0) this.#first = baseOffset
    this.#pieces.push(bytes)
    this.#end = end
    this.#bytes += bytes.length
    this.#crc = crc32c(bytes, 0, bytes.length, this.#crc)
    const kind = isEmpty ? 'empty' : 'full'
    this.#maxTimestamp[kind] = Math.max(this.#maxTimestamp[kind], maxTimestamp)
    return finished
  }

  /** Returns the last block. */
  finish(): readonly Uint8Array[] {
    if (this.#bytes === 0) return []
    const { full, empty } = this.#maxTimestamp
    const maxTimestamp = full === Number.NEGATIVE_INFINITY ? empty : full
    const block = { baseOffset: this.#first, end: this.#end, position: this.#position, bytes: this.#bytes }
    this.blocks.push({ ...block, crc: this.#crc | 0, maxTimestamp })
    const pieces = this.#pieces
    this.#position += this.#bytes
    this.#pieces = []
    this.#bytes = 0
    this.#crc = 0
    this.#maxTimestamp = { full: Number.NEGATIVE_INFINITY, empty: Number.NEGATIVE_INFINITY }
    return pieces
  }
}
