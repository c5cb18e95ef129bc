import { assert } from '../../base/assert.ts'
import { getI64, putI64, putU64 } from '../../base/long.ts'
import type { Partition } from '../../partition/partition.ts'
import type { SegmentEnds } from '../../wal/segments.ts'
import { crcBytes, crcStart, walKind, walMagic, walRecord } from '../../wal/wal-record.ts'
import { errors } from '../../wire/errors.ts'
import { attribute, batchHeader, codecs } from '../../wire/record-batch.ts'
import type { Kernel } from '../kernel/kernel.ts'
import { scanResult, scanStatus } from '../kernel/scan.ts'
import { appendFlags, reason } from '../ring-messages.ts'
import type { LogCache, NoRoom } from './log-cache.ts'
import { oneBatchError } from './one-batch.ts'
import { type RejectedRecord, rejectedRecords, timestampRange } from './rejected-records.ts'
import { type Repacker, repackedBytesMax } from './repacker.ts'

const crcFrom = batchHeader.attributes
const noTime = -1
const none: readonly RejectedRecord[] = []

/** Result of an append. One object, overwritten by every append. */
export interface Outcome {
  error: number
  reason: number
  baseOffset: number
  logAppendTime: number
  durableAt: number
  /** The invalid records, in order. */
  rejected: readonly RejectedRecord[]
}

/** Producer and sequence of a batch. */
interface Origin {
  count: number
  producerId: number
  producerEpoch: number
  sequence: number
}

export interface AppenderParts {
  readonly kernel: Kernel
  /** View of the arena. */
  readonly view: DataView
  readonly memory: LogCache
  readonly repacker: Repacker
  /** Address of a `scanResult` that only this thread uses. */
  readonly scratch: number
  /** `previous` is the position of the last record in the log. */
  readonly wal: { readonly incarnation: number; readonly secret: number; readonly previous: number }
  /** Receives every record, for a log with segments. */
  readonly ends?: SegmentEnds | undefined
}

/**
 * Checks a batch in the receive buffers as Kafka's leader does, and appends it to the log cache with its offset. The copy into the log
 * cache and the CRC are one pass. The batch is encoded again only if its topic requires another codec.
 */
export class Appender {
  readonly outcome: Outcome = { error: 0, reason: 0, baseOffset: -1, logAppendTime: noTime, durableAt: 0, rejected: none }
  readonly #kernel: Kernel
  readonly #view: DataView
  readonly #memory: LogCache
  readonly #repacker: Repacker
  readonly #scratch: number
  /** Origin of the current batch: one object, overwritten by every append. */
  readonly #origin: Origin = { count: 0, producerId: -1, producerEpoch: -1, sequence: -1 }
  readonly #incarnation: number
  readonly #secret: number
  readonly #ends: SegmentEnds | undefined
  #previous: number
  #durable = 0

  constructor({ kernel, view, memory, repacker, scratch, wal, ends }: AppenderParts) {
    this.#kernel = kernel
    this.#view = view
    this.#memory = memory
    this.#repacker = repacker
    this.#scratch = scratch
    this.#incarnation = wal.incarnation
    this.#secret = wal.secret
    this.#ends = ends
    this.#previous = wal.previous
  }

  setDurable(position: number): void {
    assert(position >= this.#durable, 'the durable position advances')
    assert(position <= this.#memory.end, 'only written records are durable')
    this.#durable = position
  }

  /** Position of the last record written. */
  get previous(): number {
    return this.#previous
  }

  /** The result is in `outcome`. If there is no room, nothing has changed and the caller retries later. */
  append(partition: Partition, address: number, bytes: number, flags: number, now: number): NoRoom | undefined {
    const { outcome } = this
    assert(partition.open, 'batches are appended to open partitions')
    assert(address >= 0 && bytes >= 0 && address + bytes <= this.#view.byteLength, 'a batch is in the arena')
    outcome.error = 0
    outcome.reason = reason.none
    outcome.baseOffset = -1
    outcome.logAppendTime = noTime
    outcome.durableAt = 0
    outcome.rejected = none
    if (!this.#checkShape(partition, address, bytes, flags)) return undefined

    if (this.#hasOtherCodec(partition, address)) return this.#appendRepacked(partition, address, bytes, now)

    const at = this.#memory.reserve(walRecord.bytes + bytes)
    if (typeof at === 'string') return at
    const to = this.#memory.address(at) + walRecord.bytes
    if (this.#copy(address, to, bytes) && this.#checkRecords(partition, to, bytes, flags, now) && this.#isNext(partition, to)) {
      this.#commit(partition, at, to, bytes)
    }
    return undefined
  }

  #hasOtherCodec(partition: Partition, address: number): boolean {
    const { packing } = partition.settings!
    if (packing === undefined) return false
    return (this.#view.getInt16(address + batchHeader.attributes) & attribute.codec) !== codecs[packing.codec]
  }

  /** Appends a batch that must be encoded with another codec. Its records are checked one by one, in every encoding. */
  #appendRepacked(partition: Partition, address: number, bytes: number, now: number): NoRoom | undefined {
    const { packing, maxMessageBytes } = partition.settings!
    assert(packing !== undefined, 'a repacked batch has a codec')
    if (this.#kernel.crc(address + crcFrom, bytes - crcFrom, 0) !== this.#view.getInt32(address + batchHeader.crc)) {
      return this.#reject(errors.CORRUPT_MESSAGE.code, reason.crc)
    }
    const records = this.#repacker.unpack(address, bytes, this.#memory.recordBytesMax)
    if (records === undefined) return this.#reject(errors.INVALID_RECORD.code, reason.malformed)
    const unpackedBytes = batchHeader.bytes + records.length
    const roomBytes = walRecord.bytes + repackedBytesMax(unpackedBytes)
    if (roomBytes > this.#memory.recordBytesMax) return this.#reject(errors.MESSAGE_TOO_LARGE.code, reason.tooLarge)
    const at = this.#memory.reserve(roomBytes)
    if (typeof at === 'string') {
      this.#repacker.keep(address, bytes, records)
      return at
    }
    const to = this.#memory.address(at) + walRecord.bytes
    this.#repacker.place(address, records, to)
    if (!this.#checkRecords(partition, to, unpackedBytes, 0, now, true) || !this.#isNext(partition, to)) return undefined
    const packedBytes = this.#repacker.pack(to, unpackedBytes, packing)
    assert(walRecord.bytes + packedBytes <= roomBytes, 'a repacked batch is within its reservation')
    if (packedBytes > maxMessageBytes) return this.#reject(errors.MESSAGE_TOO_LARGE.code, reason.tooLarge)
    this.#sum(to, packedBytes)
    this.#commit(partition, at, to, packedBytes)
    return undefined
  }

  /** Checks the sequence numbers of a producer with an id. A duplicate batch gets the result of the original. */
  #isNext(partition: Partition, to: number): boolean {
    const { outcome } = this
    const { count, producerId, producerEpoch, sequence } = this.#readOrigin(to)
    assert(count > 0, 'sequence numbers are checked after the count')
    if (producerId < 0) return true
    const { error, duplicate } = partition.producers.check(producerId, producerEpoch, sequence, count)
    if (error !== 0) this.#reject(error, error === errors.INVALID_PRODUCER_EPOCH.code ? reason.fenced : reason.outOfOrder)
    else if (duplicate === undefined) return true
    else {
      assert(duplicate.baseOffset < partition.next, 'the original of a duplicate is in the partition')
      outcome.baseOffset = duplicate.baseOffset
      outcome.logAppendTime = partition.settings!.timestampType === 'LogAppendTime' ? duplicate.timestamp : noTime
      outcome.durableAt = duplicate.end
    }
    return false
  }

  #readOrigin(to: number): Readonly<Origin> {
    const view = this.#view
    this.#origin.count = view.getInt32(to + batchHeader.recordsCount)
    this.#origin.producerId = getI64(view, to + batchHeader.producerId)
    this.#origin.producerEpoch = view.getInt16(to + batchHeader.producerEpoch)
    this.#origin.sequence = view.getInt32(to + batchHeader.baseSequence)
    return this.#origin
  }

  /** Commits a batch that `#isNext` has checked. */
  #commit(partition: Partition, at: number, to: number, bytes: number): void {
    const { outcome } = this
    const { count, producerId, producerEpoch, sequence } = this.#origin
    assert(count > 0, 'an appended batch has records')
    assert(to === this.#memory.address(at) + walRecord.bytes, 'a batch is behind the header of its record')
    this.#seal(partition, at, to, bytes)
    const end = at + walRecord.bytes + bytes
    this.#memory.commit(at, walRecord.bytes + bytes)
    const maxTimestamp = getI64(this.#view, to + batchHeader.maxTimestamp)
    outcome.baseOffset = partition.next
    outcome.durableAt = end
    if (producerId >= 0) partition.producers.append(producerId, producerEpoch, sequence, count, partition.next, maxTimestamp, end)
    partition.push(partition.next, count, at + walRecord.bytes, bytes, maxTimestamp)
  }

  /** Writes the record that jumps from one position to another, over memory that must stay unchanged. */
  jump(from: number, to: number): void {
    assert(to - from >= walRecord.bytes, 'a jump has room for its header')
    assert(from >= this.#durable, 'a jump begins behind durable records')
    this.#writeHeader(from, walKind.jump, to - from - walRecord.bytes, 0, 0, 0, 0)
  }

  #reject(error: number, why: number): undefined {
    this.outcome.error = error
    this.outcome.reason = why
    return undefined
  }

  /** Checks that need no copy of the bytes. Order and codes as in Kafka's ProduceRequest and UnifiedLog. */
  #checkShape(partition: Partition, address: number, bytes: number, flags: number): boolean {
    const batchError = oneBatchError(this.#view, address, bytes, (flags & appendFlags.beforeZstd) !== 0)
    const isTooLarge = bytes > partition.settings!.maxMessageBytes || bytes + walRecord.bytes > this.#memory.recordBytesMax
    if (batchError !== undefined) this.#reject(batchError.error, batchError.reason)
    else if (isTooLarge) this.#reject(errors.MESSAGE_TOO_LARGE.code, reason.tooLarge)
    return this.outcome.error === 0
  }

  /** Copies the bytes before the range of the CRC; copies the rest and computes its CRC in one pass. */
  #copy(from: number, to: number, bytes: number): boolean {
    assert(bytes >= batchHeader.bytes, 'a batch has a whole header')
    assert(to + bytes <= from || from + bytes <= to, 'a copy does not overlap its source')
    this.#kernel.copy(to, from, crcFrom)
    const crc = this.#kernel.copyCrc(to + crcFrom, from + crcFrom, bytes - crcFrom, 0)
    if (crc === this.#view.getInt32(to + batchHeader.crc)) return true
    this.#reject(errors.CORRUPT_MESSAGE.code, reason.crc)
    return false
  }

  /** The checks of Kafka's LogValidator, on the copy. May rewrite the timestamp fields, and then the CRC. */
  #checkRecords(partition: Partition, to: number, bytes: number, flags: number, now: number, isRepacked = false): boolean {
    const view = this.#view
    const settings = partition.settings!
    assert(this.outcome.error === 0, 'the checks end at the first error')
    const no = (error: number, why: number): false => {
      this.#reject(error, why)
      return false
    }
    const invalid = errors.INVALID_RECORD.code
    const attributes = view.getInt16(to + batchHeader.attributes)
    const count = view.getInt32(to + batchHeader.recordsCount)
    if (view.getInt32(to + batchHeader.baseOffset) !== 0 || view.getInt32(to + batchHeader.baseOffset + 4) !== 0) {
      return no(invalid, reason.baseOffset)
    }
    if (count <= 0 || view.getInt32(to + batchHeader.lastOffsetDelta) !== count - 1) return no(invalid, reason.count)
    if (attributes & attribute.control) return no(invalid, reason.control)
    if (attributes & attribute.transactional) return no(errors.INVALID_TXN_STATE.code, reason.transactional)
    const producerId = getI64(view, to + batchHeader.producerId)
    if (producerId >= 0 && view.getInt32(to + batchHeader.baseSequence) < 0) return no(invalid, reason.sequence)
    const claimsTime = (attributes & attribute.logAppendTime) !== 0
    if (claimsTime && settings.timestampType === 'LogAppendTime') return no(errors.INVALID_TIMESTAMP.code, reason.appendTime)
    const kind = attributes & attribute.codec
    if (kind > codecs.zstd) return no(invalid, reason.codec)
    if (kind !== codecs.none && (flags & (appendFlags.checked | appendFlags.exempt)) === 0) return no(invalid, reason.undecodable)

    const baseTimestamp = getI64(view, to + batchHeader.baseTimestamp)
    let earliest = baseTimestamp
    let latest = getI64(view, to + batchHeader.maxTimestamp)
    /** Set when the latest timestamp is beyond 2^53. */
    let exactLatest: bigint | undefined
    if (kind === codecs.none) {
      const status = this.#kernel.scan(to + batchHeader.bytes, to + bytes, count, this.#scratch)
      if (status !== scanStatus.ok) {
        const index = view.getInt32(this.#scratch + scanResult.index, true)
        if (status !== scanStatus.trailing) this.outcome.rejected = [{ index, reason: reason.malformed }]
        return no(invalid, reason.malformed)
      }
      earliest = baseTimestamp + this.#delta(scanResult.minDelta)
      latest = baseTimestamp + this.#delta(scanResult.maxDelta)
      if (!claimsTime && !(Number.isSafeInteger(earliest) && Number.isSafeInteger(latest))) {
        const exact = timestampRange(view, to + batchHeader.bytes, count, view.getBigInt64(to + batchHeader.baseTimestamp))
        earliest = Number(exact.earliest)
        latest = Number(exact.latest)
        exactLatest = exact.latest
      }
      // As in Kafka: the largest timestamp of a batch is -1 when all its timestamps are before 1970.
      if (latest < noTime) latest = noTime
      if (exactLatest !== undefined && exactLatest < BigInt(noTime)) exactLatest = undefined
    }
    // The records have the timestamp of the header. Source: Kafka's DefaultRecordBatch.
    if (claimsTime) earliest = latest = getI64(view, to + batchHeader.maxTimestamp)
    const isChecked = kind !== codecs.none && (flags & appendFlags.checked) !== 0
    if (!isChecked && !this.#checkRules(partition, to, earliest, latest, now)) return false
    if (isRepacked && !this.#canBeRepacked(to, earliest)) return false
    if (settings.timestampType === 'LogAppendTime') {
      view.setInt16(to + batchHeader.attributes, attributes | attribute.logAppendTime)
      this.outcome.logAppendTime = now
      this.#setMaxTimestamp(to, bytes, now)
      return true
    }
    if (claimsTime) {
      view.setInt16(to + batchHeader.attributes, attributes & ~attribute.logAppendTime)
      this.#sum(to, bytes)
    } else if (exactLatest !== undefined) {
      view.setBigInt64(to + batchHeader.maxTimestamp, exactLatest)
      this.#sum(to, bytes)
    } else if (latest !== getI64(view, to + batchHeader.maxTimestamp)) this.#setMaxTimestamp(to, bytes, latest)
    return true
  }

  /**
   * Additional requirements of Kafka's MemoryRecordsBuilder, which encodes records again. Batches that are not encoded again may violate
   * them.
   */
  #canBeRepacked(to: number, earliest: number): boolean {
    const { producerId, producerEpoch, sequence } = this.#readOrigin(to)
    // Elsewhere an id below -1 means no producer id.
    const isNegative = producerId !== -1 && (producerEpoch < 0 || sequence < 0)
    if (earliest < noTime) this.#reject(errors.INVALID_RECORD.code, reason.negativeTimestamp)
    else if (isNegative) this.#reject(errors.INVALID_RECORD.code, reason.negativeEpoch)
    return this.outcome.error === 0
  }

  /**
   * Checks the rules of the topic for keys and timestamps. For a compressed batch that is exempt from validation, only the header is read.
   */
  #checkRules(partition: Partition, to: number, earliest: number, latest: number, now: number): boolean {
    const view = this.#view
    const { compacted, timestampType, timestampBeforeMaxMs, timestampAfterMaxMs } = partition.settings!
    const isTimed = timestampType === 'CreateTime'
    const oldest = isTimed ? now - Number(timestampBeforeMaxMs) : Number.NEGATIVE_INFINITY
    const newest = isTimed ? now + Number(timestampAfterMaxMs) : Number.POSITIVE_INFINITY
    const isLate = earliest < oldest || latest > newest
    if ((view.getInt16(to + batchHeader.attributes) & attribute.codec) !== codecs.none) {
      // The age of a record without a timestamp (-1) is not checked. Source: KIP-937.
      if (!isLate || (earliest === noTime && latest <= newest)) return true
      this.#reject(errors.INVALID_TIMESTAMP.code, reason.timestamp)
      return false
    }
    const keys = compacted && view.getInt32(this.#scratch + scanResult.keyless, true) >= 0
    if (!keys && !isLate) return true
    const count = view.getInt32(to + batchHeader.recordsCount)
    const baseTimestamp = getI64(view, to + batchHeader.baseTimestamp)
    const rejected = rejectedRecords(view, to + batchHeader.bytes, count, baseTimestamp, { keys, oldest, newest })
    if (rejected.length === 0) return true
    this.outcome.rejected = rejected
    if (rejected.some((record) => record.reason === reason.timestamp)) this.#reject(errors.INVALID_TIMESTAMP.code, reason.timestamp)
    else this.#reject(errors.INVALID_RECORD.code, reason.keyless)
    return false
  }

  #delta(field: number): number {
    const low = this.#view.getUint32(this.#scratch + field, true)
    return this.#view.getInt32(this.#scratch + field + 4, true) * 0x1_0000_0000 + low
  }

  #setMaxTimestamp(to: number, bytes: number, time: number): void {
    putI64(this.#view, to + batchHeader.maxTimestamp, time)
    this.#sum(to, bytes)
  }

  #sum(to: number, bytes: number): void {
    this.#view.setInt32(to + batchHeader.crc, this.#kernel.crc(to + crcFrom, bytes - crcFrom, 0))
  }

  /** Writes the offset and the leader epoch of the batch, and the header of the WAL record. */
  #seal(partition: Partition, at: number, to: number, bytes: number): void {
    const view = this.#view
    assert(partition.next >= partition.logStart, 'offsets continue after the log start')
    putI64(view, to + batchHeader.baseOffset, partition.next)
    view.setInt32(to + batchHeader.partitionLeaderEpoch, partition.leaderEpoch)
    this.#writeHeader(at, walKind.batch, bytes, partition.id, partition.leaderEpoch, partition.next, view.getInt32(to + batchHeader.crc))
  }

  #writeHeader(at: number, kind: number, bytes: number, partitionId: number, epoch: number, baseOffset: number, batchCrc: number): void {
    const view = this.#view
    const header = this.#memory.address(at)
    assert(at > this.#previous || this.#previous === 0, 'records are written in the order of their positions')
    assert(at >= this.#durable, 'a durable record is not written again')
    view.setUint32(header + walRecord.magic, walMagic, true)
    putU64(view, header + walRecord.position, at)
    putU64(view, header + walRecord.previous, this.#previous)
    putU64(view, header + walRecord.durable, this.#durable)
    putU64(view, header + walRecord.baseOffset, baseOffset)
    view.setUint32(header + walRecord.partitionId, partitionId, true)
    view.setInt32(header + walRecord.leaderEpoch, epoch, true)
    view.setUint32(header + walRecord.length, bytes, true)
    view.setInt32(header + walRecord.batchCrc, batchCrc, true)
    view.setUint32(header + walRecord.incarnation, this.#incarnation, true)
    view.setUint32(header + walRecord.kind, kind, true)
    view.setInt32(header + walRecord.crc, this.#kernel.crc(header + crcStart, crcBytes, this.#secret), true)
    this.#previous = at
    this.#ends?.note(at, this.#incarnation)
  }
}
