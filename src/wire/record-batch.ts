import { packed } from '../base/layout.ts'
import { crc32c } from './crc32c.ts'
import { errors, type KafkaError } from './errors.ts'

/**
 * The fixed part of a record batch of format 2, big-endian; records follow, compressed or not.
 *
 * The CRC covers everything behind itself, so `baseOffset` and `partitionLeaderEpoch` are the broker's to write.
 * `batchLength` counts the bytes behind itself.
 */
export const batchHeader = packed({
  baseOffset: 'i64',
  batchLength: 'i32',
  partitionLeaderEpoch: 'i32',
  magic: 'i8',
  crc: 'u32',
  attributes: 'i16',
  lastOffsetDelta: 'i32',
  baseTimestamp: 'i64',
  maxTimestamp: 'i64',
  producerId: 'i64',
  producerEpoch: 'i16',
  baseSequence: 'i32',
  recordsCount: 'i32',
})

/** Of a batch, not in `batchLength`. */
export const lengthOverhead = batchHeader.partitionLeaderEpoch

export const magic = 2

/** Bits of `attributes`. With `deleteHorizon`, `baseTimestamp` is the time from which on a tombstone may go. */
export const attribute = { codec: 0x07, logAppendTime: 0x08, transactional: 0x10, control: 0x20, deleteHorizon: 0x40 } as const

export const codecs = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const
export type CodecName = keyof typeof codecs
export const codecNames = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const satisfies CodecName[]

export interface BatchHeader {
  readonly baseOffset: bigint
  readonly batchLength: number
  readonly partitionLeaderEpoch: number
  readonly magic: number
  readonly crc: number
  readonly attributes: number
  readonly lastOffsetDelta: number
  readonly baseTimestamp: bigint
  readonly maxTimestamp: bigint
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly recordsCount: number
}

/** The header at `at`, whose 61 bytes the caller has checked to be present. */
export function readBatchHeader(view: DataView, at: number): BatchHeader {
  return {
    baseOffset: view.getBigInt64(at + batchHeader.baseOffset),
    batchLength: view.getInt32(at + batchHeader.batchLength),
    partitionLeaderEpoch: view.getInt32(at + batchHeader.partitionLeaderEpoch),
    magic: view.getInt8(at + batchHeader.magic),
    crc: view.getUint32(at + batchHeader.crc),
    attributes: view.getInt16(at + batchHeader.attributes),
    lastOffsetDelta: view.getInt32(at + batchHeader.lastOffsetDelta),
    baseTimestamp: view.getBigInt64(at + batchHeader.baseTimestamp),
    maxTimestamp: view.getBigInt64(at + batchHeader.maxTimestamp),
    producerId: view.getBigInt64(at + batchHeader.producerId),
    producerEpoch: view.getInt16(at + batchHeader.producerEpoch),
    baseSequence: view.getInt32(at + batchHeader.baseSequence),
    recordsCount: view.getInt32(at + batchHeader.recordsCount),
  }
}

export const batchBytes = (header: BatchHeader): number => lengthOverhead + header.batchLength
export const lastOffset = (header: BatchHeader): bigint => header.baseOffset + BigInt(header.lastOffsetDelta)
export const codecOf = (header: BatchHeader): CodecName | undefined => codecNames[header.attributes & attribute.codec]

/** Sequence numbers continue after 2^31-1 with 0. Without a producer there is none. */
export const sequenceAt = (header: BatchHeader, offsetDelta: number): number =>
  header.baseSequence < 0 ? -1 : (header.baseSequence + offsetDelta) & 0x7fffffff

export interface BatchError {
  readonly error: KafkaError
  readonly because: string
}

const invalid = (error: KafkaError, because: string): BatchError => ({ error, because })

/**
 * The batch at `at`, if a whole and undamaged one is there. True of batches in a log as well as on their way into one:
 * compaction leaves gaps in the offsets and batches without records.
 */
export function batchAt(bytes: Buffer, at: number): BatchHeader | BatchError {
  const left = bytes.length - at
  if (left <= batchHeader.magic) return invalid(errors.CORRUPT_MESSAGE, `${left} bytes hold no batch`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const found = view.getInt8(at + batchHeader.magic)
  if (found === 0 || found === 1) return invalid(errors.INVALID_RECORD, `message format ${found} is no longer taken`)
  if (found !== magic) return invalid(errors.CORRUPT_MESSAGE, `message format ${found} is unknown`)
  if (left < batchHeader.bytes) return invalid(errors.CORRUPT_MESSAGE, `${left} bytes are less than a header`)
  const header = readBatchHeader(view, at)
  const length = batchBytes(header)
  if (length < batchHeader.bytes) return invalid(errors.CORRUPT_MESSAGE, `a length of ${length} bytes is less than a header`)
  if (length > left) return invalid(errors.CORRUPT_MESSAGE, `${length} bytes are announced, ${left} are there`)
  const crc = crc32c(bytes, at + batchHeader.attributes, at + length)
  if (crc !== header.crc) return invalid(errors.CORRUPT_MESSAGE, `the checksum is ${crc}, the header contains ${header.crc}`)
  if (codecOf(header) === undefined) return invalid(errors.CORRUPT_MESSAGE, `codec ${header.attributes & attribute.codec} is unknown`)
  if (header.recordsCount < 0) return invalid(errors.INVALID_RECORD, `a batch of ${header.recordsCount} records`)
  return header
}

export const isBatchError = (found: BatchHeader | BatchError): found is BatchError => 'because' in found
