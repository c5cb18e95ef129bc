import { constants, gzipSync } from 'node:zlib'
import { batchHeader } from '../../src/wire/record-batch.ts'
import { batchOf, sealed } from '../unit/pipeline/validation/samples.ts'
import { xxhash32 } from './xxhash32.ts'

/**
 * Valid batches of one record, whose value has so many zeros that decoding takes long: a few bytes of input for each block of them. Kafka's
 * readers accept each of them.
 */
const mebibyte = 1 << 20

function varint(value: number): Buffer {
  const bytes: number[] = []
  for (let rest = value * 2; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest])
    bytes.push((rest % 128) | 128)
  }
}

/** The bytes before a value of `bytes`, and the count of headers after it. */
function recordAround(bytes: number): { start: Buffer; end: Buffer } {
  const body = Buffer.concat([Buffer.from([0, 0, 0, 1]), varint(bytes)])
  return { start: Buffer.concat([varint(body.length + bytes + 1), body]), end: Buffer.from([0]) }
}

const repeated = (count: number, piece: Buffer): Buffer[] => Array.from({ length: count }, () => piece)

export const lateMs = 500
/** A record of one byte with the next offset, `lateMs` later than the first. */
const lateRecord = Buffer.concat([varint(8), Buffer.from([0]), varint(lateMs), Buffer.from([2, 1, 2, 0x61, 0])])

/** Blocks of 4 bytes that decode to 128 KiB each. Source: RFC 8878. */
export const zstdBomb = (bytes: number): Buffer => zstdOf(bytes, false)

/** The same with a late record after the large one. */
export const zstdBombBeforeLateRecord = (bytes: number): Buffer => followed(zstdOf(bytes, true))

function zstdOf(bytes: number, isFollowed: boolean): Buffer {
  const blockBytes = 128 << 10
  const blocks = Math.floor(bytes / blockBytes)
  const { start, end: endOfRecord } = recordAround(blocks * blockBytes)
  const end = isFollowed ? Buffer.concat([endOfRecord, lateRecord]) : endOfRecord
  // Magic, no flags, a window of 2 MiB.
  const frame = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 11 << 3])
  const zeros = repeated(blocks, zstdBlock(false, 1, blockBytes, Buffer.from([0])))
  return batchOf('zstd', Buffer.concat([frame, zstdBlock(false, 0, start.length, start), ...zeros, zstdBlock(true, 0, end.length, end)]), 1)
}

/** The content of a block: literals, followed by one match, whose codes are tables of one state each. */
export function zstdMatch(distance: number, bytes: number, literals: Buffer): Buffer {
  const value = distance + 3
  const offsetCode = 31 - Math.clz32(value)
  // Code of match lengths: 515 and 9 more bits.
  const matchCode = 45
  let bits = 1n
  bits = (bits << BigInt(offsetCode)) | BigInt(value - 2 ** offsetCode)
  bits = (bits << 9n) | BigInt(bytes - 515)
  const backwards: number[] = []
  for (; bits > 0n; bits >>= 8n) backwards.push(Number(bits & 255n))
  return Buffer.concat([Buffer.from([literals.length << 3]), literals, Buffer.from([1, 0x54, 0, offsetCode, matchCode, ...backwards])])
}

const matchBytes = 1000

/**
 * A frame with a window of 128 MiB and about `bytes` of output: zeros, and after the first `distance` of them, at every MiB, a match that
 * refers `reach` back. A late record is after the large one.
 */
export function zstdFar(bytes: number, distance: number, { reach = distance } = {}): Buffer {
  const blockBytes = 128 << 10
  const zeros = Math.floor(bytes / blockBytes)
  const blocksBefore = Math.ceil(distance / blockBytes) + 1
  const isMatch = (index: number): boolean => index >= blocksBefore && (index - blocksBefore) % 8 === 0
  const matches = Array.from({ length: zeros }, (_, index) => index).filter(isMatch).length
  const { start, end } = recordAround(zeros * blockBytes + matches * (matchBytes + 1))
  const match = zstdMatch(reach, matchBytes, Buffer.from([7]))
  const blocks = Array.from({ length: zeros }, (_, index) => {
    const run = zstdBlock(false, 1, blockBytes, Buffer.from([0]))
    return isMatch(index) ? [run, zstdBlock(false, 2, match.length, match)] : [run]
  })
  const frame = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 17 << 3])
  const last = Buffer.concat([end, lateRecord])
  const packed = Buffer.concat([frame, zstdBlock(false, 0, start.length, start), ...blocks.flat(), zstdBlock(true, 0, last.length, last)])
  return followed(batchOf('zstd', packed, 2))
}

function followed(batch: Buffer): Buffer {
  batch.writeInt32BE(1, batchHeader.lastOffsetDelta)
  batch.writeInt32BE(2, batchHeader.recordsCount)
  batch.writeBigInt64BE(batch.readBigInt64BE(batchHeader.baseTimestamp) + BigInt(lateMs), batchHeader.maxTimestamp)
  return sealed(batch)
}

function zstdBlock(isLast: boolean, kind: number, size: number, content: Buffer): Buffer {
  const header = Buffer.alloc(3)
  header.writeUIntLE((size << 3) | (kind << 1) | (isLast ? 1 : 0), 0, 3)
  return Buffer.concat([header, content])
}

/** Members that decode to 16 MiB, of 16 KiB each. Source: RFC 1952, 2.2. */
export function gzipBomb(bytes: number): Buffer {
  const memberBytes = 16 * mebibyte
  const members = Math.floor(bytes / memberBytes)
  const { start, end } = recordAround(members * memberBytes)
  const zeros = repeated(members, gzipSync(Buffer.alloc(memberBytes), { level: constants.Z_BEST_COMPRESSION }))
  return batchOf('gzip', Buffer.concat([gzipSync(start), ...zeros, gzipSync(end)]), 1)
}

/** Blocks that decode to 4 MiB, of 16 KiB each. Sources: LZ4 Frame Format 1.6.1, LZ4 Block Format. */
export function lz4Bomb(bytes: number): Buffer {
  const blockBytes = 4 * mebibyte
  const blocks = Math.floor(bytes / blockBytes)
  const { start, end } = recordAround(blocks * blockBytes)
  const stored = (content: Buffer): Buffer => Buffer.concat([word(0x80000000 + content.length), content])
  // One literal, a match of distance 1 for all except the last five bytes, and these as literals.
  const matched = blockBytes - 1 - 5 - 4 - 15
  const lengths = Buffer.concat([Buffer.alloc(Math.floor(matched / 255), 255), Buffer.from([matched % 255])])
  const packed = Buffer.concat([Buffer.from([0x1f, 0, 1, 0]), lengths, Buffer.from([0x50, 0, 0, 0, 0, 0])])
  const descriptor = Buffer.from([0x60, 0x70])
  const header = Buffer.concat([word(0x184d2204), descriptor, Buffer.from([(xxhash32(descriptor) >>> 8) & 0xff])])
  const zeros = repeated(blocks, Buffer.concat([word(packed.length), packed]))
  return batchOf('lz4', Buffer.concat([header, stored(start), ...zeros, stored(end), word(0)]), 1)
}

/** A bare block of about `bytes`: zeros, then after the first `distance`, at every 64 KiB, a copy that refers `distance` back. */
export function snappyFar(bytes: number, distance: number): Buffer {
  const copyBytes = 64
  const copies = Math.floor(bytes / copyBytes)
  const far = Buffer.alloc(5)
  far[0] = ((copyBytes - 1) << 2) | 3
  far.writeUInt32LE(distance, 1)
  const near = Buffer.from([((copyBytes - 1) << 2) | 2, 1, 0])
  const { start, end } = recordAround(1 + copies * copyBytes)
  const first = Math.ceil(distance / copyBytes) + 1
  const pieces = Array.from({ length: copies }, (_, index) => (index >= first && (index - first) % 1024 === 0 ? far : near))
  return batchOf('snappy', bareSnappy([start, Buffer.from([0])], pieces, end), 1)
}

function bareSnappy(literals: readonly Buffer[], copies: readonly Buffer[], last: Buffer): Buffer {
  const literal = (content: Buffer): Buffer => Buffer.concat([Buffer.from([(content.length - 1) << 2]), content])
  const length: number[] = []
  let rest = literals.reduce((sum, each) => sum + each.length, 0) + copies.length * 64 + last.length
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) length.push((rest % 128) | 128)
  return Buffer.concat([Buffer.from([...length, rest]), ...literals.map(literal), ...copies, literal(last)])
}

/** A literal, then copies of 64 bytes, of 3 bytes each. Source: snappy's format description. */
export function snappyBomb(bytes: number): Buffer {
  const copies = Math.floor(bytes / 64)
  const { start, end } = recordAround(1 + copies * 64)
  return batchOf('snappy', bareSnappy([start, Buffer.from([0])], repeated(copies, Buffer.from([(63 << 2) | 2, 1, 0])), end), 1)
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
