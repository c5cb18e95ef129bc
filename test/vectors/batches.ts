import { nodeCodecs } from '../../native-free-io/threads/codecs.ts'
import { buildBatch, buildMarker } from '../../src/wire/batch-builder.ts'
import { errors } from '../../src/wire/errors.ts'
import {
  attribute,
  type BatchHeader,
  batchAt,
  batchBytes,
  codecOf,
  isBatchError,
  lastOffset,
  sequenceAt,
} from '../../src/wire/record-batch.ts'
import { type Record, readRecords } from '../../src/wire/records.ts'
import { ProducePath } from '../interop/damaged-batches/produced.ts'
import { type BatchVector, difference } from './kafka-json.ts'
import type { Tally } from './tally.ts'

const bytesMax = 16 * 1024 * 1024

/** The file of record batches: the good ones read as Kafka reads them, the damaged ones are rejected by Produce for the reason in their name. */
export function checkBatches(file: string, cases: readonly BatchVector[], tally: Tally): void {
  const path = new ProducePath()
  cases.forEach((one, index) => {
    tally.check(file, index, () => (one.valid ? checkValid(one) : checkDamaged(one, path)))
  })
}

function checkValid(one: BatchVector): void {
  const bytes = Buffer.from(one.hex, 'hex')
  let at = 0
  for (const expected of one.batches) {
    const found = batchAt(bytes, at)
    if (isBatchError(found)) throw new Error(`${one.what}: rejected, ${found.because}`)
    const records = readRecords(bytes, at, found, nodeCodecs, bytesMax)
    const validationError = difference(numbersAsText(expected), numbersAsText(shown(found, records)), one.what)
    if (validationError !== undefined) throw new Error(validationError)
    if (codecOf(found) === 'none') checkRebuilt(bytes.subarray(at, at + batchBytes(found)), found, records)
    at += batchBytes(found)
  }
  if (at !== bytes.length) throw new Error(`${one.what}: ${bytes.length - at} bytes behind the last batch`)
  for (let end = 0; end < bytes.length; end++) rejectsAllOrLast(bytes.subarray(0, end), one.what)
}

/** What is cut off inside a batch is rejected; cut between two, there is one less. */
function rejectsAllOrLast(bytes: Buffer, what: string): void {
  let at = 0
  while (at < bytes.length) {
    const found = batchAt(bytes, at)
    if (isBatchError(found)) return
    at += batchBytes(found)
  }
  if (at > bytes.length) throw new Error(`${what}: a batch was taken from ${bytes.length} bytes, which it exceeds`)
}

/** Without compression there is one way to write a batch, apart from what compaction leaves. */
function checkRebuilt(bytes: Buffer, header: BatchHeader, records: readonly Record[]): void {
  if (records.length === 0 || header.attributes & attribute.logAppendTime) return
  const { baseOffset, partitionLeaderEpoch, producerId, producerEpoch, baseSequence } = header
  const options = { baseOffset, partitionLeaderEpoch, producerId, producerEpoch, baseSequence, attributes: header.attributes }
  const [first] = records as [Record]
  const isCommit = first.key?.at(3) === 1
  const rebuilt =
    header.attributes & attribute.control
      ? buildMarker(isCommit ? 'commit' : 'abort', first.value?.readInt32BE(2) ?? 0, first.timestamp, options)
      : buildBatch(records, options)
  const validationError = difference(bytes, rebuilt, 'built again')
  if (validationError !== undefined) throw new Error(validationError)
}

function checkDamaged(one: BatchVector, path: ProducePath): void {
  const { error, message } = path.produce(Buffer.from(one.hex, 'hex'))
  if (error === 0) throw new Error(`${one.what}: taken for a good batch`)
  const named = Object.keys(errors).find((name) => new RegExp(`\\b${name}\\b`).test(one.what))
  if (named !== undefined && errors[named as keyof typeof errors].code !== error) {
    throw new Error(`${one.what}: rejected with ${error}, ${message}`)
  }
}

/** A batch in the words of the vectors. */
function shown(header: BatchHeader, records: readonly Record[]): unknown {
  return {
    baseOffset: header.baseOffset,
    lastOffset: lastOffset(header),
    magic: header.magic,
    sizeInBytes: batchBytes(header),
    crc: header.crc,
    partitionLeaderEpoch: header.partitionLeaderEpoch,
    compression: codecOf(header),
    timestampType: header.attributes & attribute.logAppendTime ? 'LogAppendTime' : 'CreateTime',
    maxTimestamp: header.maxTimestamp,
    producerId: header.producerId,
    producerEpoch: header.producerEpoch,
    baseSequence: header.baseSequence,
    lastSequence: sequenceAt(header, header.lastOffsetDelta),
    isTransactional: (header.attributes & attribute.transactional) !== 0,
    isControl: (header.attributes & attribute.control) !== 0,
    count: header.recordsCount,
    records: records.map(({ offset, timestamp, sequence, key, value, headers }) => ({
      offset,
      timestamp,
      sequence,
      key: hex(key),
      value: hex(value),
      headers: headers.map((pair) => [pair.key, hex(pair.value)]),
    })),
  }
}

const hex = (bytes: Buffer | null): string | null => bytes?.toString('hex') ?? null

/** Whole numbers arrive as numbers or, when they are long, as text: compare them as text. */
const numbersAsText = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (_, inner) => (typeof inner === 'bigint' || typeof inner === 'number' ? String(inner) : inner)))
