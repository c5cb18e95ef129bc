import { type Codecs, compress, usualLevel } from './compression/codecs.ts'
import { crc32c } from './crc32c.ts'
import { attribute, batchHeader, type CodecName, codecs as codecIds, lengthOverhead, magic } from './record-batch.ts'
import { type Header, writeRecord } from './records.ts'
import { Writer } from './writer.ts'

export interface NewRecord {
  readonly timestamp?: bigint
  readonly key?: Buffer | null
  readonly value?: Buffer | null
  readonly headers?: readonly Header[]
}

export interface BatchOptions {
  readonly baseOffset?: bigint
  readonly partitionLeaderEpoch?: number
  readonly producerId?: bigint
  readonly producerEpoch?: number
  readonly baseSequence?: number
  /** Bits of `attributes` besides the codec. */
  readonly attributes?: number
  readonly codec?: CodecName
  /** Needed for gzip and zstd. */
  readonly codecs?: Codecs
}

const absent = (): never => {
  throw new Error('gzip and zstd require codecs')
}
const nothingOutside: Codecs = { gzip: absent, zstd: absent, unpack: absent }

const recordBytesMax = 128 * 1024 * 1024

/** One batch of format 2 with its checksum: for tests, tools, and the internal topics that the broker writes. */
export function buildBatch(records: readonly NewRecord[], options: BatchOptions = {}): Buffer {
  const timestamps = records.map((record) => record.timestamp ?? 0n)
  const baseTimestamp = timestamps[0] ?? -1n
  const body = new Writer(Buffer.allocUnsafeSlow(1024), recordBytesMax)
  const scratch = new Writer(Buffer.allocUnsafeSlow(256), recordBytesMax)
  records.forEach((record, index) => {
    const { key = null, value = null, headers = [] } = record
    writeRecord(body, scratch, index, timestamps[index]! - baseTimestamp, { key, value, headers })
  })
  const { codec = 'none', codecs = nothingOutside } = options
  const packed = compress({ codec, level: usualLevel[codec] }, body.finished(), codecs)
  const batch = Buffer.alloc(batchHeader.bytes + packed.length)
  packed.copy(batch, batchHeader.bytes)
  const view = new DataView(batch.buffer, batch.byteOffset, batch.length)
  view.setBigInt64(batchHeader.baseOffset, options.baseOffset ?? 0n)
  view.setInt32(batchHeader.batchLength, batch.length - lengthOverhead)
  view.setInt32(batchHeader.partitionLeaderEpoch, options.partitionLeaderEpoch ?? -1)
  view.setInt8(batchHeader.magic, magic)
  view.setInt16(batchHeader.attributes, (options.attributes ?? 0) | codecIds[codec])
  view.setInt32(batchHeader.lastOffsetDelta, records.length - 1)
  view.setBigInt64(batchHeader.baseTimestamp, baseTimestamp)
  view.setBigInt64(batchHeader.maxTimestamp, latest(timestamps, baseTimestamp))
  view.setBigInt64(batchHeader.producerId, options.producerId ?? -1n)
  view.setInt16(batchHeader.producerEpoch, options.producerEpoch ?? -1)
  view.setInt32(batchHeader.baseSequence, options.baseSequence ?? -1)
  view.setInt32(batchHeader.recordsCount, records.length)
  view.setUint32(batchHeader.crc, crc32c(batch, batchHeader.attributes))
  return batch
}

function latest(timestamps: readonly bigint[], none: bigint): bigint {
  let found = none
  for (const timestamp of timestamps) if (timestamp > found) found = timestamp
  return found
}

/** Start of a control record's key: int16 version, int16 type. */
export const controlType = {
  abort: 0,
  commit: 1,
  leaderChange: 2,
  snapshotHeader: 3,
  snapshotFooter: 4,
  kraftVersion: 5,
  kraftVoters: 6,
} as const
export type ControlType = keyof typeof controlType
const controlKeyVersion = 0

export function controlKey(type: ControlType): Buffer {
  const key = Buffer.alloc(4)
  key.writeInt16BE(controlKeyVersion, 0)
  key.writeInt16BE(controlType[type], 2)
  return key
}

/** The type of a control record. Undefined for a type of a later release, which readers skip. */
export function controlTypeOf(key: Buffer | null): ControlType | undefined {
  if (key === null || key.length < 4) return undefined
  const type = key.readInt16BE(2)
  return (Object.keys(controlType) as ControlType[]).find((name) => controlType[name] === type)
}

/** The batch that ends a transaction in one partition. It has an offset of its own. */
export function buildMarker(
  outcome: 'commit' | 'abort',
  coordinatorEpoch: number,
  timestamp: bigint,
  producer: Required<Pick<BatchOptions, 'producerId' | 'producerEpoch'>> & Pick<BatchOptions, 'baseOffset' | 'partitionLeaderEpoch'>,
): Buffer {
  const value = Buffer.alloc(6)
  value.writeInt32BE(coordinatorEpoch, 2)
  return buildBatch([{ timestamp, key: controlKey(outcome), value }], {
    ...producer,
    attributes: attribute.transactional | attribute.control,
  })
}
