import zlib from 'node:zlib'
import { Unpacker } from '../../src/pipeline/validation/unpacker.ts'
import { type Codecs, effortOf } from '../../src/wire/compression/codecs.ts'
import { packZstd } from '../../src/wire/compression/zstd-writer.ts'
import { decodingModule } from './validation-module.ts'

type Deflate = (bytes: Uint8Array, options: { params: Readonly<Record<number, number>> }) => Buffer

/** Node has zstd since 22.15; the installed types are older. */
const { zstdCompressSync: toZstdOfNode } = zlib as unknown as { zstdCompressSync?: Deflate }
/** Number of the parameter in the library. */
const compressionLevel = 100

let unpacker: Unpacker | undefined

/**
 * Compresses with Node's zlib, or with the built-in encoder where Node has no zstd; decompresses with the kernel that validates batches.
 */
export const nodeCodecs: Codecs = {
  gzip: (bytes, level) => zlib.gzipSync(bytes, { level }),
  zstd: (bytes, level) =>
    toZstdOfNode === undefined ? packZstd(bytes, effortOf(level)) : toZstdOfNode(bytes, { params: { [compressionLevel]: level } }),
  unpack: (codec, bytes, bytesMax) => {
    unpacker ??= new Unpacker(decodingModule())
    return unpacker.unpack(codec, bytes, bytesMax)
  },
}
