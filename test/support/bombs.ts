import { constants, gzipSync } from 'node:zlib'
import { batchHeader } from '../../src/wire/record-batch.ts'
import { batchOf, sealed } from '../pipeline/validation/samples.ts'
import { xxhash32 } from './xxhash32.ts'

/**
 * Right batches of one record, whose value is so many zeros that decoding it takes long: a few bytes of input for each block of them.
 * Each is what Kafka's readers accept.
 */
const mebibyte = 1 << 20

function varint(value: number): Buffer {
  const bytes: number[] = []
  for (let rest = value * 2; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest])
    bytes.push((rest % 128) | 128)
  }
}

/** What stands before a value of `bytes`, and the count of headers behind it. */
function recordAround(bytes: number): { start: Buffer; end: Buffer } {
  const body = Buffer.concat([Buffer.from([0, 0, 0, 1]), varint(bytes)])
  return { start: Buffer.concat([varint(body.length + bytes + 1), body]), end: Buffer.from([0]) }
}

const repeated = (count: number, piece: Buffer): Buffer[] => Array.from({ length: count }, () => piece)

export const lateMs = 500
/** A record of one byte, `lateMs` later than the first, and of the next offset. */
const lateRecord = Buffer.concat([varint(8), Buffer.from([0]), varint(lateMs), Buffer.from([2, 1, 2, 0x61, 0])])

/** 4 bytes for every 128 KiB. Source: RFC 8878. */
export const zstdBomb = (bytes: number): Buffer => zstdOf(bytes, false)

/** The same with a late record behind the large one. */
export function zstdBombBeforeLateRecord(bytes: number): Buffer {
  const batch = zstdOf(bytes, true)
  batch.writeInt32BE(1, batchHeader.lastOffsetDelta)
  batch.writeInt32BE(2, batchHeader.recordsCount)
  batch.writeBigInt64BE(batch.readBigInt64BE(batchHeader.baseTimestamp) + BigInt(lateMs), batchHeader.maxTimestamp)
  return sealed(batch)
}

function zstdOf(bytes: number, isFollowed: boolean): Buffer {
  const blockBytes = 128 << 10
  const blocks = Math.floor(bytes / blockBytes)
  const { start, end: endOfRecord } = recordAround(blocks * blockBytes)
  const end = isFollowed ? Buffer.concat([endOfRecord, lateRecord]) : endOfRecord
  const block = (isLast: boolean, kind: number, size: number, content: Buffer): Buffer => {
    const header = Buffer.alloc(3)
    header.writeUIntLE((size << 3) | (kind << 1) | (isLast ? 1 : 0), 0, 3)
    return Buffer.concat([header, content])
  }
  // Magic, no flags, a window of 2 MiB.
  const frame = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 11 << 3])
  const zeros = repeated(blocks, block(false, 1, blockBytes, Buffer.from([0])))
  return batchOf('zstd', Buffer.concat([frame, block(false, 0, start.length, start), ...zeros, block(true, 0, end.length, end)]), 1)
}

/** Members of 16 MiB, in 16 KiB each. Source: RFC 1952, 2.2. */
export function gzipBomb(bytes: number): Buffer {
  const memberBytes = 16 * mebibyte
  const members = Math.floor(bytes / memberBytes)
  const { start, end } = recordAround(members * memberBytes)
  const zeros = repeated(members, gzipSync(Buffer.alloc(memberBytes), { level: constants.Z_BEST_COMPRESSION }))
  return batchOf('gzip', Buffer.concat([gzipSync(start), ...zeros, gzipSync(end)]), 1)
}

/** Blocks of 4 MiB, in 16 KiB each. Sources: LZ4 Frame Format 1.6.1, LZ4 Block Format. */
export function lz4Bomb(bytes: number): Buffer {
  const blockBytes = 4 * mebibyte
  const blocks = Math.floor(bytes / blockBytes)
  const { start, end } = recordAround(blocks * blockBytes)
  const stored = (content: Buffer): Buffer => Buffer.concat([word(0x80000000 + content.length), content])
  // One literal, a match of distance 1 for all but the last five bytes, and those as literals.
  const matched = blockBytes - 1 - 5 - 4 - 15
  const lengths = Buffer.concat([Buffer.alloc(Math.floor(matched / 255), 255), Buffer.from([matched % 255])])
  const packed = Buffer.concat([Buffer.from([0x1f, 0, 1, 0]), lengths, Buffer.from([0x50, 0, 0, 0, 0, 0])])
  const descriptor = Buffer.from([0x60, 0x70])
  const header = Buffer.concat([word(0x184d2204), descriptor, Buffer.from([(xxhash32(descriptor) >>> 8) & 0xff])])
  const zeros = repeated(blocks, Buffer.concat([word(packed.length), packed]))
  return batchOf('lz4', Buffer.concat([header, stored(start), ...zeros, stored(end), word(0)]), 1)
}

/** A literal, then copies of 64 bytes in 3 each. Source: snappy's format description. */
export function snappyBomb(bytes: number): Buffer {
  const copies = Math.floor(bytes / 64)
  const { start, end } = recordAround(1 + copies * 64)
  const literal = (content: Buffer): Buffer => Buffer.concat([Buffer.from([(content.length - 1) << 2]), content])
  const length: number[] = []
  let rest = start.length + 1 + copies * 64 + end.length
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) length.push((rest % 128) | 128)
  const preamble = Buffer.from([...length, rest])
  const copied = repeated(copies, Buffer.from([(63 << 2) | 2, 1, 0]))
  return batchOf('snappy', Buffer.concat([preamble, literal(start), literal(Buffer.from([0])), ...copied, literal(end)]), 1)
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
