import type { Packing } from '../../ports.ts'
import { type Codecs, compress, decompress } from '../../wire/compression/codecs.ts'
import { MalformedMessage } from '../../wire/cursor.ts'
import { attribute, batchHeader, codecs as codecIds, codecNames, lengthOverhead } from '../../wire/record-batch.ts'

/** What packing adds at most to bytes that cannot be packed: a part of them, and the frame. */
const grownShare = 256
const frameBytes = 128

/** Room to take for a batch that is packed where it lies. */
export const repackedBytesMax = (bytes: number): number => bytes + Math.ceil(bytes / grownShare) + frameBytes

/**
 * Gives batches the codec of their topic (`compression.type`): what arrives is unpacked into log memory, checked there like any other
 * batch, and packed where it lies. Everything else that a batch says of itself stays.
 */
export class Repacker {
  readonly #memory: Buffer
  readonly #codecs: Codecs
  /** What found no room when it had been unpacked. It will be offered again, perhaps often. */
  #kept: { readonly packed: Buffer; readonly records: Buffer } | undefined

  /** `memory` is the arena, from address 0. */
  constructor(memory: Buffer, codecs: Codecs) {
    this.#memory = memory
    this.#codecs = codecs
  }

  /** The records of the batch at `address`, unpacked; undefined where they are damaged or more than `bytesMax` bytes. */
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

  /** There was no room for the records. */
  keep(address: number, bytes: number, records: Buffer): void {
    const packed = this.#memory.subarray(address + batchHeader.bytes, address + bytes)
    if (!this.#kept?.packed.equals(packed)) this.#kept = { packed: Buffer.from(packed), records: Buffer.from(records) }
  }

  /** Writes the header of the batch at `address` and its unpacked records to another place, as a batch that has never been packed. */
  place(address: number, records: Buffer, to: number): void {
    this.#kept = undefined
    this.#memory.copyWithin(to, address, address + batchHeader.bytes)
    this.#memory.set(records, to + batchHeader.bytes)
    this.#describe(to, batchHeader.bytes + records.length, codecIds.none)
  }

  /** Packs the batch of `bytes` at `to`. The result is what it takes now; its CRC is still to be written. */
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
