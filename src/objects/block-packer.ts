import { crc32c } from '../wire/crc32c.ts'
import { blockBytesMax, type DataBlock } from './object-format.ts'

export interface PackedBatch {
  readonly bytes: Uint8Array
  readonly baseOffset: number
  /** Offset behind its last record. */
  readonly end: number
  readonly maxTimestamp: number
  readonly isEmpty: boolean
}

/** What the index has room for: the offsets that a block spans, gaps and all. */
const spanMax = 2 ** 32 - 1

/** Puts the batches of one stream into data blocks, one after another. */
export class BlockPacker {
  readonly blocks: DataBlock[] = []
  #position: number
  #pieces: Uint8Array[] = []
  #first = 0
  #end = 0
  #bytes = 0
  #crc = 0
  /** Of batches with records, and of those without: these say when they were written, but have nothing to be found. */
  #maxTimestamp = { full: Number.NEGATIVE_INFINITY, empty: Number.NEGATIVE_INFINITY }

  /** `position` is where the first block will lie. */
  constructor(position: number) {
    this.#position = position
  }

  /** The block that is finished by this, if one is: to be written now. */
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

  /** The last block. */
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
