import type { Packing } from '../../ports/partitions.ts'
import type { CodecName } from '../record-batch.ts'
import { packLz4 } from './lz4.ts'
import { packSnappy } from './snappy.ts'

/** The codecs that the outside provides. */
export interface Codecs {
  gzip(bytes: Uint8Array, level: number): Buffer
  zstd(bytes: Uint8Array, level: number): Buffer
  /**
   * In memory of its own. Throws MalformedMessage at what the codec cannot read and at more than `bytesMax` bytes of output: a small batch
   * may claim to be a large one.
   */
  unpack(codec: CodecName, bytes: Uint8Array, bytesMax: number): Buffer
}

/** Uncompressed bytes are returned as they are, not as a copy. */
export const decompress = (codec: CodecName, bytes: Buffer, bytesMax: number, codecs: Codecs): Buffer =>
  codec === 'none' ? bytes : codecs.unpack(codec, bytes, bytesMax)

/** Default levels of clients. */
export const usualLevel: Readonly<Record<CodecName, number>> = { none: 0, gzip: -1, snappy: 0, lz4: 9, zstd: 3 }

/** Uncompressed bytes are returned as they are, not as a copy. */
export function compress({ codec, level }: Packing, bytes: Buffer, codecs: Codecs): Buffer {
  switch (codec) {
    case 'none':
      return bytes
    case 'gzip':
      return codecs.gzip(bytes, level)
    case 'snappy':
      return packSnappy(bytes)
    case 'lz4':
      return packLz4(bytes, level === usualLevel.lz4 ? 1 : effortOf(level))
    case 'zstd':
      return codecs.zstd(bytes, level)
  }
}

const effortMax = 256

/** Twice as much with every level. The usual one of lz4 is its fastest, as in Kafka. */
export const effortOf = (level: number): number => Math.min(effortMax, 2 ** Math.max(0, level - 1))
