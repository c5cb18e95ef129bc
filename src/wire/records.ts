import { type Codecs, decompress } from './compression/codecs.ts'
import { MalformedMessage } from './primitives.ts'
import { Reader } from './reader.ts'
import { attribute, type BatchHeader, batchBytes, batchHeader, codecOf, sequenceAt } from './record-batch.ts'
import type { Writer } from './writer.ts'

export interface Header {
  readonly key: string
  readonly value: Buffer | null
}

/** A record as a value, for tools, tests and cold paths. The produce and fetch paths create no object for a record. */
export interface Record {
  readonly offset: bigint
  readonly timestamp: bigint
  /** -1 without an idempotent producer. */
  readonly sequence: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly Header[]
}

/** Minimum size of a record: length, attributes, two deltas, two lengths and a count of one byte each. */
const recordBytesMin = 7
const headerBytesMin = 2

/**
 * The records of the batch at `at`, which `batchAt` has validated. Throws MalformedMessage if they do not match the header, or
 * if they exceed `bytesMax` bytes when decompressed.
 */
export function readRecords(bytes: Buffer, at: number, header: BatchHeader, codecs: Codecs, bytesMax: number): Record[] {
  const packed = bytes.subarray(at + batchHeader.bytes, at + batchBytes(header))
  const unpacked = decompress(codecOf(header) ?? 'none', packed, bytesMax, codecs)
  // The bytes limit the elements: each takes one or more.
  const r = new Reader(unpacked, unpacked.length)
  const count = r.count(header.recordsCount, recordBytesMin)
  const records: Record[] = []
  for (let i = 0; i < count; i++) records.push(readRecord(r, header))
  r.finish()
  return records
}

function readRecord(r: Reader, header: BatchHeader): Record {
  const length = r.varint()
  if (length < 0 || length > r.remaining) throw new MalformedMessage(`expected a record of at most ${r.remaining} bytes, found ${length}`)
  const end = r.at + length
  r.int8()
  const timestampDelta = r.varlong()
  const offsetDelta = r.varint()
  const key = nullableBytes(r)
  const value = nullableBytes(r)
  const headers = readHeaders(r)
  if (r.at !== end) throw new MalformedMessage(`expected a record to end at byte ${end}, found its end at ${r.at}`)
  const isAppendTime = (header.attributes & attribute.logAppendTime) !== 0
  return {
    offset: header.baseOffset + BigInt(offsetDelta),
    timestamp: isAppendTime ? header.maxTimestamp : header.baseTimestamp + timestampDelta,
    sequence: sequenceAt(header, offsetDelta),
    key,
    value,
    headers,
  }
}

function readHeaders(r: Reader): Header[] {
  const count = r.count(r.varint(), headerBytesMin)
  if (count < 0) throw new MalformedMessage(`expected a count of headers, found ${count}`)
  return Array.from({ length: count }, () => {
    const key = r.given(r.varint(), 'a header key')
    return { key: r.bytes(key).toString('utf8'), value: nullableBytes(r) }
  })
}

function nullableBytes(r: Reader): Buffer | null {
  const length = r.varint()
  if (length < -1) throw new MalformedMessage(`expected a length, or -1 for null, found ${length}`)
  return length < 0 ? null : r.bytes(length)
}

/** Appends a record to its batch. `scratch` is a separate writer, since a record begins with its length. */
export function writeRecord(
  to: Writer,
  scratch: Writer,
  offsetDelta: number,
  timestampDelta: bigint,
  record: Omit<Record, 'offset' | 'timestamp' | 'sequence'>,
): void {
  scratch.reset()
  scratch.int8(0)
  scratch.varlong(timestampDelta)
  scratch.varint(offsetDelta)
  putNullable(scratch, record.key)
  putNullable(scratch, record.value)
  scratch.varint(record.headers.length)
  for (const header of record.headers) {
    putNullable(scratch, Buffer.from(header.key))
    putNullable(scratch, header.value)
  }
  const body = scratch.finished()
  to.varint(body.length)
  to.put(body)
}

function putNullable(w: Writer, bytes: Uint8Array | null): void {
  w.varint(bytes === null ? -1 : bytes.length)
  if (bytes !== null) w.put(bytes)
}
