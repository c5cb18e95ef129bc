import zlib from 'node:zlib'
import { type Codecs, damaged } from '../src/wire/compression/codecs.ts'
import { unpackZstd } from '../src/wire/compression/zstd.ts'

type Inflate = (bytes: Uint8Array, options: { maxOutputLength: number }) => Buffer

/** Node has zstd since 22.15; the types are of an older one. */
const zstdOfNode = (zlib as unknown as { zstdDecompressSync?: Inflate }).zstdDecompressSync

/** The codecs of Node's zlib, and where it lacks one, our own. */
export const nodeCodecs: Codecs = {
  gzip: (bytes) => zlib.gzipSync(bytes),
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
