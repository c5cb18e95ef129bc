import zlib from 'node:zlib'
import { type Codecs, effortOf } from '../src/wire/compression/codecs.ts'
import { damaged } from '../src/wire/compression/output.ts'
import { unpackZstd } from '../src/wire/compression/zstd.ts'
import { packZstd } from '../src/wire/compression/zstd-writer.ts'

type Inflate = (bytes: Uint8Array, options: { maxOutputLength: number }) => Buffer

type Deflate = (bytes: Uint8Array, options: { params: Readonly<Record<number, number>> }) => Buffer

/** Node has zstd since 22.15; the types are of an older one. */
const { zstdDecompressSync: zstdOfNode, zstdCompressSync: toZstdOfNode } = zlib as unknown as {
  zstdDecompressSync?: Inflate
  zstdCompressSync?: Deflate
}
/** Of the library's parameters. */
const compressionLevel = 100

/** The codecs of Node's zlib, and where it lacks one, our own. */
export const nodeCodecs: Codecs = {
  gzip: (bytes, level) => zlib.gzipSync(bytes, { level }),
  zstd: (bytes, level) =>
    toZstdOfNode === undefined ? packZstd(bytes, effortOf(level)) : toZstdOfNode(bytes, { params: { [compressionLevel]: level } }),
  gunzip: (bytes, bytesMax) => bounded('gzip', zlib.gunzipSync, bytes, bytesMax),
  unzstd: (bytes, bytesMax) =>
    zstdOfNode === undefined ? unpackZstd(Buffer.from(bytes), bytesMax) : bounded('zstd', zstdOfNode, bytes, bytesMax),
}

function bounded(codec: string, inflate: Inflate, bytes: Uint8Array, bytesMax: number): Buffer {
  try {
    return inflate(bytes, { maxOutputLength: bytesMax })
  } catch (error) {
    throw damaged(codec, error instanceof Error ? error.message : String(error))
  }
}
