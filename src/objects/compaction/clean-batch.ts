import { type Codecs, compress, decompress, usualLevel } from '../../wire/compression/codecs.ts'
import { crc32c } from '../../wire/crc32c.ts'
import { MalformedMessage } from '../../wire/primitives.ts'
import { attribute, type BatchHeader, batchBytes, batchHeader, codecOf, lastOffset, lengthOverhead } from '../../wire/record-batch.ts'
import { RecordWalk } from '../../wire/record-walk.ts'
import { Writer } from '../../wire/writer.ts'
import type { KeyMap } from './key-map.ts'

/** Maximum decompressed size of a batch; a larger batch is left unchanged. */
const unpackedBytesMax = 256 << 20
/** Far in the future, and small enough for timestamp deltas relative to it. */
const horizonMsMax = 2 ** 47

/** 128-bit hash of a key, resistant to collisions. */
export type KeyHash = (key: Buffer) => Buffer

export interface CleaningTools {
  readonly keys: KeyMap
  readonly hash: KeyHash
  readonly codecs: Codecs
}

/** Rules that determine which records are retained. */
export interface CleaningRules extends CleaningTools {
  readonly nowMs: number
  /** Retention of a tombstone, from its first compaction on. */
  readonly deleteRetentionMs: number
  /** The last offset of each producer whose state is retained. */
  readonly producers: ReadonlyMap<number, number>
}

/** Adds the keys of a batch to the map, from an offset on. Returns false when the map is full: it covers offsets below its `end`. */
export function noteKeys(bytes: Buffer, at: number, header: BatchHeader, from: number, { keys, hash, codecs }: CleaningTools): boolean {
  const base = Number(header.baseOffset)
  const records = isControl(header) ? undefined : recordsOf(bytes, at, header, codecs)
  while (records?.next()) {
    const offset = base + records.offsetDelta
    if (offset < from || records.keyBytes < 0) continue
    if (!keys.put(hash(records.key()), offset)) {
      keys.end = offset
      return false
    }
  }
  keys.end = Number(lastOffset(header)) + 1
  return true
}

/**
 * Result of compacting a batch: the whole batch, nothing, or the batch returned.
 *
 * Transaction markers are retained: there are no transactions yet, so no records of a transaction are removed.
 */
export function cleanBatch(bytes: Buffer, at: number, header: BatchHeader, rules: CleaningRules): 'all' | 'nothing' | Buffer {
  if (Number(header.baseOffset) >= rules.keys.end || isControl(header)) return 'all'
  const records = recordsOf(bytes, at, header, rules.codecs)
  if (records === undefined) return 'all'
  const kept = stayingOf(records, header, rules)
  if (kept.count === 0) {
    if (!mustRemain(header, rules)) return 'nothing'
    return header.recordsCount === 0 ? 'all' : emptyBatch(bytes, at, header)
  }
  // The retention of a tombstone starts when the records that it deletes are gone, which is after the map contains it.
  const needsHorizon = kept.hasTombstones && !hasHorizon(header) && Number(lastOffset(header)) < rules.keys.end
  if (kept.count === header.recordsCount && !needsHorizon) return 'all'
  const horizon = needsHorizon ? BigInt(Math.min(rules.nowMs + rules.deleteRetentionMs, horizonMsMax)) : undefined
  return rewritten(bytes, at, header, kept, horizon, rules.codecs)
}

const isControl = (header: BatchHeader): boolean => (header.attributes & attribute.control) !== 0
const hasHorizon = (header: BatchHeader): boolean => (header.attributes & attribute.deleteHorizon) !== 0

/** The last batch marks the end of the log, and the last batch of a producer contains its last sequence number. */
const mustRemain = (header: BatchHeader, { keys, producers }: CleaningRules): boolean =>
  Number(lastOffset(header)) + 1 === keys.end || producers.get(Number(header.producerId)) === Number(lastOffset(header))

/**
 * Undefined for a batch that cannot be decompressed: a client may have compressed arbitrary bytes, so the records to remove are unknown.
 */
function recordsOf(bytes: Buffer, at: number, header: BatchHeader, outside: Codecs): RecordWalk | undefined {
  const packed = bytes.subarray(at + batchHeader.bytes, at + batchBytes(header))
  try {
    const unpacked = decompress(codecOf(header) ?? 'none', packed, unpackedBytesMax, outside)
    const walk = new RecordWalk(unpacked, header.recordsCount)
    while (walk.next());
    return new RecordWalk(unpacked, header.recordsCount)
  } catch (error) {
    if (error instanceof MalformedMessage) return undefined
    throw error
  }
}

/** The retained records: 1 in `stays` for each. */
interface Staying {
  readonly records: RecordWalk
  readonly stays: Uint8Array
  readonly count: number
  readonly hasTombstones: boolean
  readonly maxTimestampDelta: number
}

function stayingOf(records: RecordWalk, header: BatchHeader, { keys, hash, nowMs }: CleaningRules): Staying {
  const base = Number(header.baseOffset)
  const tombstonesGo = hasHorizon(header) && header.baseTimestamp <= BigInt(nowMs)
  const stays = new Uint8Array(header.recordsCount)
  let count = 0
  let hasTombstones = false
  let maxTimestampDelta = Number.NEGATIVE_INFINITY
  for (let i = 0; records.next(); i++) {
    const offset = base + records.offsetDelta
    const isTombstone = records.valueBytes < 0
    if (offset < keys.end) {
      if (records.keyBytes < 0 || (isTombstone && tombstonesGo) || offset < keys.get(hash(records.key()))) continue
    }
    stays[i] = 1
    count++
    hasTombstones ||= isTombstone
    maxTimestampDelta = Math.max(maxTimestampDelta, records.timestampDelta)
  }
  return { records: new RecordWalk(records.bytes, header.recordsCount), stays, count, hasTombstones, maxTimestampDelta }
}

/** The same batch with fewer records. All other fields are unchanged, except those computed from the records. */
function rewritten(bytes: Buffer, at: number, header: BatchHeader, kept: Staying, horizon: bigint | undefined, outside: Codecs): Buffer {
  const { records, stays, count } = kept
  const body = new Writer(Buffer.allocUnsafeSlow(records.bytes.length + 1024), records.bytes.length * 3 + 1024)
  const baseTimestamp = horizon ?? header.baseTimestamp
  const shift = Number(header.baseTimestamp - baseTimestamp)
  for (let i = 0; records.next(); i++) if (stays[i] === 1) putRecord(body, records, shift)
  const codec = codecOf(header) ?? 'none'
  const packed = compress({ codec, level: usualLevel[codec] }, body.finished(), outside)
  // With LogAppendTime, all records have the same timestamp.
  const isAppendTime = (header.attributes & attribute.logAppendTime) !== 0
  const maxTimestamp = isAppendTime ? header.maxTimestamp : header.baseTimestamp + BigInt(kept.maxTimestampDelta)
  const attributes = header.attributes | (horizon === undefined ? 0 : attribute.deleteHorizon)
  return sealed(bytes.subarray(at, at + batchHeader.bytes), packed, { attributes, baseTimestamp, maxTimestamp, recordsCount: count })
}

const scratch = new Writer(Buffer.allocUnsafeSlow(32))

function putRecord(to: Writer, records: RecordWalk, shift: number): void {
  const { bytes, start, end, restAt } = records
  if (shift === 0) {
    to.put(bytes.subarray(start, end))
    return
  }
  scratch.reset().varlong(BigInt(records.timestampDelta + shift))
  const timestamp = scratch.finished()
  to.varint(1 + timestamp.length + (end - restAt))
  to.int8((records.attributes << 24) >> 24)
  to.put(timestamp)
  to.put(bytes.subarray(restAt, end))
}

function emptyBatch(bytes: Buffer, at: number, header: BatchHeader): Buffer {
  const attributes = header.attributes & ~(attribute.codec | attribute.deleteHorizon)
  const { maxTimestamp } = header
  return sealed(bytes.subarray(at, at + batchHeader.bytes), nothing, { attributes, baseTimestamp: -1n, maxTimestamp, recordsCount: 0 })
}
const nothing = Buffer.alloc(0)

function sealed(
  header: Buffer,
  packed: Buffer,
  changed: Pick<BatchHeader, 'attributes' | 'baseTimestamp' | 'maxTimestamp' | 'recordsCount'>,
): Buffer {
  const batch = Buffer.concat([header, packed])
  const view = new DataView(batch.buffer, batch.byteOffset, batch.length)
  view.setInt32(batchHeader.batchLength, batch.length - lengthOverhead)
  view.setInt16(batchHeader.attributes, changed.attributes)
  view.setBigInt64(batchHeader.baseTimestamp, changed.baseTimestamp)
  view.setBigInt64(batchHeader.maxTimestamp, changed.maxTimestamp)
  view.setInt32(batchHeader.recordsCount, changed.recordsCount)
  view.setUint32(batchHeader.crc, crc32c(batch, batchHeader.attributes))
  return batch
}
