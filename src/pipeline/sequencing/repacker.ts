import type { Packing } from '../../ports/partitions.ts'
import { type Codecs, compress, decompress } from '../../wire/compression/codecs.ts'
import { MalformedMessage } from '../../wire/primitives.ts'
import { attribute, batchHeader, codecs as codecIds, codecNames, lengthOverhead } from '../../wire/record-batch.ts'

/** Maximum growth when bytes cannot be compressed: a share of them, and the frame of the format. */
const grownShare = 256
const frameBytes = 128

/** Room to reserve for a batch that is compressed in place. */
export const repackedBytesMax = (bytes: number): number => bytes + Math.ceil(bytes / grownShare) + frameBytes

/**
 * Converts batches to the codec of their topic (`compression.type`). A batch is decompressed into the log cache, checked there like any
 * other batch, and compressed in place. The other fields of the batch are unchanged.
 */
export class Repacker {
  readonly #memory: Buffer
  readonly #codecs: Codecs
  /** Decompressed records that found no room. The caller offers the batch again, perhaps often. */
  #kept: { readonly packed: Buffer; readonly records: Buffer } | undefined

  /** `memory` is the arena, from address 0. */
  constructor(memory: Buffer, codecs: Codecs) {
    this.#memory = memory
    this.#codecs = codecs
  }

  /** The decompressed records of the batch at `address`; undefined when they are damaged or exceed `bytesMax` bytes. */
  unpack(address: number, bytes: number, bytesMax: number): Buffer | undefined {
    const packed = this.#memory.subarray(address + batchHeader.bytes, address + bytes)
    if (this.#kept?.packed.equals(packed)) return this.#kept.records
    const codec = codecNames[this.#memory.readInt16BE(address + batchHeader.attributes) & attribute.codec]
    if (codec === undefined) return undefined
    try {
      return decompress(codec, packed, bytesMax, this.#codecs)
    } catch (error) {
      if (error instanceof MalformedMessage) return undefined
      throw error
    }
  }

  /** Keeps the decompressed records of a batch for which there was no room. */
  keep(address: number, bytes: number, records: Buffer): void {
    const packed = this.#memory.subarray(address + batchHeader.bytes, address + bytes)
    if (!this.#kept?.packed.equals(packed)) this.#kept = { packed: Buffer.from(packed), records: Buffer.from(records) }
  }

  /** Writes the header of the batch at `address` and its decompressed records to another location, as a batch that was never compressed. */
  place(address: number, records: Buffer, to: number): void {
    this.#kept = undefined
    this.#memory.copyWithin(to, address, address + batchHeader.bytes)
    this.#memory.set(records, to + batchHeader.bytes)
    this.#describe(to, batchHeader.bytes + records.length, codecIds.none)
  }

  /** Compresses the batch of `bytes` at `to`. Returns its new size; the caller must write its CRC. */
  pack(to: number, bytes: number, packing: Packing): number {
    const records = this.#memory.subarray(to + batchHeader.bytes, to + bytes)
    const packed = compress(packing, records, this.#codecs)
    if (packed !== records) this.#memory.set(packed, to + batchHeader.bytes)
    const packedBytes = batchHeader.bytes + packed.length
    this.#describe(to, packedBytes, codecIds[packing.codec])
    return packedBytes
  }

  #describe(to: number, bytes: number, codec: number): void {
    const attributes = this.#memory.readInt16BE(to + batchHeader.attributes)
    this.#memory.writeInt32BE(bytes - lengthOverhead, to + batchHeader.batchLength)
    this.#memory.writeInt16BE((attributes & ~attribute.codec) | codec, to + batchHeader.attributes)
  }
}
