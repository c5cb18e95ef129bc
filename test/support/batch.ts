import { gunzipSync, gzipSync } from 'node:zlib'
import { Reader, Writer } from './bytes.ts'
import { crc32c } from './crc32c.ts'

/** Record batches of magic 2, encoded and decoded independently of `src`. */
export interface Header {
  readonly key: string
  readonly value: Uint8Array | null
}

export interface OutRecord {
  readonly key?: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers?: readonly Header[]
  readonly timestampDelta?: number
}

/** Every field that a hostile test may set to a wrong value. Omitted fields are right. */
export interface BatchOptions {
  readonly baseOffset?: bigint
  readonly magic?: number
  readonly attributes?: number
  readonly baseTimestamp?: bigint
  readonly maxTimestamp?: bigint
  readonly producerId?: bigint
  readonly producerEpoch?: number
  readonly baseSequence?: number
  readonly recordCount?: number
  readonly lastOffsetDelta?: number
  readonly crc?: number
  /** Used instead of the encoded records, as the bytes after the header. */
  readonly payload?: Uint8Array
}

export interface ReadRecord {
  readonly offset: bigint
  readonly timestamp: bigint
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly Header[]
  readonly producerId: bigint
}

export const batchAt = { length: 8, crc: 17, attributes: 21, lastOffsetDelta: 23, baseSequence: 53, recordCount: 57, records: 61 } as const

export function encodeBatch(records: readonly OutRecord[], options: BatchOptions = {}): Buffer {
  const body = options.payload ?? encodeRecords(records)
  const attributes = options.attributes ?? 0
  const payload = options.payload === undefined && (attributes & 7) === 1 ? gzipSync(body) : body
  const timestamp = options.baseTimestamp ?? BigInt(Date.now())
  const lastDelta = records.reduce((most, record) => Math.max(most, record.timestampDelta ?? 0), 0)
  const out = new Writer()
    .int64(options.baseOffset ?? 0n)
    .int32(batchAt.records - 12 + payload.length)
    .int32(-1)
    .int8(options.magic ?? 2)
    .uint32(0)
    .int16(attributes)
    .int32(options.lastOffsetDelta ?? records.length - 1)
    .int64(timestamp)
    .int64(options.maxTimestamp ?? timestamp + BigInt(lastDelta))
    .int64(options.producerId ?? -1n)
    .int16(options.producerEpoch ?? -1)
    .int32(options.baseSequence ?? -1)
    .int32(options.recordCount ?? records.length)
    .raw(payload)
    .finish()
  out.writeUInt32BE(options.crc ?? crc32c(out.subarray(batchAt.attributes)), batchAt.crc)
  return out
}

export function encodeRecords(records: readonly OutRecord[]): Buffer {
  const out = new Writer()
  records.forEach((record, index) => {
    const body = new Writer()
      .int8(0)
      .varint(record.timestampDelta ?? 0)
      .varint(index)
    body.varBytes(record.key ?? null).varBytes(record.value)
    const headers = record.headers ?? []
    body.varint(headers.length)
    for (const header of headers) body.varBytes(Buffer.from(header.key)).varBytes(header.value)
    out.varBytes(body.finish())
  })
  return out.finish()
}

/** The records of a Fetch response; an incomplete batch at the end is skipped, as in clients. */
export function decodeBatches(bytes: Buffer): ReadRecord[] {
  const found: ReadRecord[] = []
  let at = 0
  while (bytes.length - at >= 12) {
    const end = at + 12 + bytes.readInt32BE(at + batchAt.length)
    if (end > bytes.length) break
    decodeBatch(bytes.subarray(at, end), found)
    at = end
  }
  return found
}

function decodeBatch(batch: Buffer, found: ReadRecord[]): void {
  const stated = batch.readUInt32BE(batchAt.crc)
  const computed = crc32c(batch.subarray(batchAt.attributes))
  if (stated !== computed) throw new Error(`a batch states checksum ${stated.toString(16)}, its bytes have ${computed.toString(16)}`)
  const header = new Reader(batch)
  const baseOffset = header.int64()
  header.at = batchAt.attributes
  const attributes = header.int16()
  header.int32()
  const baseTimestamp = header.int64()
  header.int64()
  const producerId = header.int64()
  if (attributes & 0x20) return
  const codec = attributes & 7
  if (codec > 1) throw new Error(`codec ${codec} is left to real clients`)
  const payload = batch.subarray(batchAt.records)
  const body = new Reader(codec === 1 ? gunzipSync(payload) : payload)
  for (let count = batch.readInt32BE(batchAt.recordCount); count > 0; count -= 1) {
    body.varint()
    body.int8()
    const timestamp = baseTimestamp + body.varlong()
    const offset = baseOffset + BigInt(body.varint())
    const key = body.varBytes()
    const value = body.varBytes()
    const headers = Array.from({ length: body.varint() }, () => ({ key: body.varBytes()!.toString(), value: body.varBytes() }))
    found.push({ offset, timestamp, key, value, headers, producerId })
  }
}
