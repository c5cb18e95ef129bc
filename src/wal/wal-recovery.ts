import { assert } from '../base/assert.ts'
import { getI64, getU64 } from '../base/long.ts'
import type { WalMark } from '../ports/storage-metadata.ts'
import type { TrimPoint } from '../ports/trim-point.ts'
import { batchHeader, lengthOverhead } from '../wire/record-batch.ts'
import { alignBlock, alignRecord, blockBytes, crcBytes, crcStart, walKind, walMagic, walRecord } from './wal-record.ts'

/** CRC-32C of a region, computed by the kernel. */
export type Crc = (address: number, bytes: number, seed: number) => number

/** A complete batch found by recovery; `address` is valid only during the callback. */
export interface RecoveredBatch {
  readonly partitionId: number
  readonly baseOffset: number
  readonly position: number
  readonly bytes: number
  readonly address: number
}

export interface RecoverySource extends TrimPoint {
  readonly capacity: number
  readonly secret: number
  /** The last incarnation that wrote; records with greater ones are rejected. */
  readonly incarnation: number
  /** Size of the window over the log in bytes: the byte at position p is at `base + p mod window`. */
  readonly window: number
  readonly base: number
  readonly view: DataView
  readonly crc: Crc
  /**
   * Whether to check the CRCs of this incarnation's batches too. Its durable batches are known to be complete; those of earlier ones are
   * not.
   */
  readonly sumBatches: boolean
  /** The last mark of this log in the metadata log; undefined if there is none. */
  readonly mark?: Pick<WalMark, 'secret' | 'incarnation' | 'durable'> | undefined
  /** Damage ends the log instead of the start: an operator has accepted the loss of the records after it. */
  readonly discardsDamage?: boolean
  /** Size of one read: whole blocks. */
  readonly readBytes: number
  /**
   * Memory of one read, in which the range after the end is searched: the log cache stays untouched there. Undefined if the window contains
   * the whole log.
   */
  readonly searchBase: number | undefined
  /** Reads [position, position + bytes) to an address: both are multiples of a block, within one lap. */
  read(address: number, bytes: number, position: number): void
}

/** Durable records that cannot be read. */
export interface WalDamage {
  readonly why: string
  /** The log was durable at least up to this position. */
  readonly durable: number
}

export interface Recovered {
  /** Position at which the log continues: the block after the last complete record. */
  readonly position: number
  /** Position of the last record, -1 if there is none. */
  readonly previous: number
  /** The window contains [oldest, position). */
  readonly oldest: number
  readonly records: number
  /** Bytes that the last incarnation had started to write after the end. */
  readonly tornBytes: number
  /** Set when damage was found and accepted. */
  readonly damage: WalDamage | undefined
}

/** Range after the end that is searched for later records: a smaller gap in durable records is detected. */
const searchBytesMax = 128 << 20

/** The log is damaged at a position that was durable: an operator must decide. The message lists the options. */
export class WalCorrupt extends Error {
  /** Identifies the error after it was sent from another thread. */
  readonly code = walCorruptCode
}
export const walCorruptCode = 'WAL_CORRUPT'

/**
 * Reads the log from its start to the last complete record. `onRecord` receives all records, also those that are not batches. Records in flight when the node stopped may be torn or missing; they were never
 * acknowledged. A damaged record that was durable according to a later record throws `WalCorrupt`.
 */
export function recover(
  source: RecoverySource,
  onBatch: (batch: RecoveredBatch) => void,
  onRecord?: (position: number, incarnation: number) => void,
): Recovered {
  const walk = new Walk(source, source.trimmed)
  const { end, previous, records } = follow(walk, source, Number.POSITIVE_INFINITY, onBatch, onRecord)
  const position = alignBlock(end)
  const { searchBase } = source
  assert(searchBase !== undefined || source.window >= source.capacity, 'a search after the end of the log replaces no record in the window')
  const search = searchBase === undefined ? walk : new Walk({ ...source, base: searchBase, window: source.readBytes }, end)
  const { torn, damage } = search.beyond(end, previous)
  if (damage !== undefined && source.discardsDamage !== true) throw new WalCorrupt(`${damage.why}; ${damageAdvice}`)
  return { position, previous, oldest: walk.oldest, records, tornBytes: damage === undefined ? torn : 0, damage }
}

const damageAdvice =
  'restore the write-ahead log from a copy; or start once with --override s3.wal.loss.accept=true, which discards the acknowledged records from that position on that are not in objects'

/** Reads the complete records of a durable part of the log, up to `until`. Returns the trim point at its end. */
export function readDurable(source: RecoverySource, until: number, onBatch: (batch: RecoveredBatch) => void): TrimPoint {
  const { end, previous, incarnation } = follow(new Walk(source, source.trimmed), source, until, onBatch)
  return { trimmed: end, previous: Math.max(0, previous), previousIncarnation: incarnation }
}

interface Followed {
  readonly end: number
  /** Position of the last record, -1 if there is none, and the incarnation that wrote it. */
  readonly previous: number
  readonly incarnation: number
  readonly records: number
}

function follow(
  walk: Walk,
  cut: TrimPoint,
  until: number,
  onBatch: (batch: RecoveredBatch) => void,
  onRecord?: (position: number, incarnation: number) => void,
): Followed {
  let end = cut.trimmed
  let incarnation = cut.previousIncarnation
  let previous = incarnation === 0 ? -1 : cut.previous
  let records = 0
  for (;;) {
    const at = walk.next(end, previous, incarnation)
    if (at < 0) break
    const after = walk.end(at)
    if (after > until) break
    if (walk.kind(at) === walKind.batch) onBatch(walk.batch(at))
    previous = at
    incarnation = walk.incarnation(at)
    onRecord?.(at, incarnation)
    records++
    end = after
  }
  return { end, previous, incarnation, records }
}

class Walk {
  readonly #source: RecoverySource
  readonly #first: number
  #loaded: number

  /** Reads whole blocks, from the one that contains `start` on. */
  constructor(source: RecoverySource, start: number) {
    this.#source = source
    this.#first = Math.floor(start / blockBytes) * blockBytes
    this.#loaded = this.#first
  }

  /** The window is filled without a gap from this position on. */
  get oldest(): number {
    return Math.max(this.#first, this.#loaded - this.#source.window)
  }

  /** Position of the record after `end`: at `end`, or at the next block. -1 when there is none. */
  next(end: number, previous: number, incarnation: number): number {
    for (const at of [end, alignBlock(end)]) {
      if (at % blockBytes > blockBytes - walRecord.bytes) continue
      if (this.#isWhole(at, previous, incarnation)) return at
    }
    return -1
  }

  kind(at: number): number {
    return this.#field(at, walRecord.kind)
  }
  incarnation(at: number): number {
    return this.#field(at, walRecord.incarnation)
  }
  bytes(at: number): number {
    return this.#field(at, walRecord.length)
  }

  /** First position at which the next record may start. */
  end(at: number): number {
    const end = at + walRecord.bytes + this.bytes(at)
    return this.kind(at) === walKind.batch ? alignRecord(end) : end
  }

  batch(at: number): RecoveredBatch {
    const header = this.#address(at)
    return {
      partitionId: this.#field(at, walRecord.partitionId),
      baseOffset: getU64(this.#source.view, header + walRecord.baseOffset),
      position: at + walRecord.bytes,
      bytes: this.bytes(at),
      address: header + walRecord.bytes,
    }
  }

  /**
   * Groups start on blocks, so the first record of any later group is found. Its durable position is also the end of a block, and may be
   * only the end of the group that contains `end`. Then only the record that follows directly can show whether that group had one more
   * record.
   *
   * Returns how far the headers of the last incarnation extend after the end, and whether one of them shows that unreadable records were
   * durable. A write in flight never shows this for records after the end: its header contains the durable position from before the write.
   */
  beyond(end: number, previous: number): { readonly torn: number; readonly damage: WalDamage | undefined } {
    let torn = Math.max(end, this.#tornEnd(end))
    let damage: WalDamage | undefined
    const from = alignBlock(end)
    const last = Math.floor(this.#source.trimmed / blockBytes) * blockBytes + this.#source.capacity
    const to = Math.min(from + searchBytesMax, last)
    for (let at = from; at < to; at += blockBytes) {
      if (!this.#load(at + blockBytes)) break
      if (!this.#hasHeader(at) || this.#isStale(at)) continue
      torn = Math.max(torn, this.#tornEnd(at))
      const header = this.#address(at)
      const durable = getU64(this.#source.view, header + walRecord.durable)
      const skips = at === from && durable === from && previous >= 0 && getU64(this.#source.view, header + walRecord.previous) !== previous
      if (durable <= from && !skips) continue
      const why = `the write-ahead log is damaged at position ${end}: the record at position ${at} was written when that was durable`
      damage = { why: damage?.why ?? why, durable: Math.max(damage?.durable ?? 0, durable) }
    }
    return { torn: torn - end, damage }
  }

  /** The record is after the end of an incarnation whose log a later one continued, once damage was accepted. */
  #isStale(at: number): boolean {
    const { mark, secret } = this.#source
    return mark?.secret === secret && at >= mark.durable && this.incarnation(at) < mark.incarnation
  }

  /** End of a record whose header is present; 0 if there is none of the last incarnation. */
  #tornEnd(at: number): number {
    if (at % blockBytes > blockBytes - walRecord.bytes || !this.#load(at + walRecord.bytes) || !this.#hasHeader(at)) return 0
    return this.incarnation(at) === this.#source.incarnation - 1 ? this.end(at) : 0
  }

  #isWhole(at: number, previous: number, incarnation: number): boolean {
    const { view, trimmed, capacity } = this.#source
    if (at + walRecord.bytes > trimmed + capacity || !this.#load(at + walRecord.bytes) || !this.#hasHeader(at)) return false
    const header = this.#address(at)
    if (previous >= 0 && getU64(view, header + walRecord.previous) !== previous) return false
    if (this.incarnation(at) < incarnation) return false
    if (this.kind(at) === walKind.jump) return true
    const bytes = this.bytes(at)
    if (bytes < batchHeader.bytes) return false
    // The header belongs to this log, so the record was written as it is: by an incarnation with a larger log cache.
    if (bytes > this.#source.window / 2 || (at % this.#source.window) + walRecord.bytes + bytes > this.#source.window) {
      throw new WalCorrupt(
        `the record at position ${at} does not fit: the log was written with a larger s3.wal.cache.size; set s3.wal.cache.size to that`,
      )
    }
    const sum = this.#source.sumBatches || this.incarnation(at) < this.#source.incarnation
    return this.#load(at + walRecord.bytes + bytes) && this.#matches(header, header + walRecord.bytes, bytes, sum)
  }

  /** The header matches the batch, and the batch matches its CRC. */
  #matches(header: number, body: number, bytes: number, sum: boolean): boolean {
    const { view, crc } = this.#source
    const batchCrc = view.getInt32(header + walRecord.batchCrc, true)
    return (
      view.getInt32(body + batchHeader.batchLength) + lengthOverhead === bytes &&
      view.getInt32(body + batchHeader.crc) === batchCrc &&
      view.getInt32(body + batchHeader.partitionLeaderEpoch) === view.getInt32(header + walRecord.leaderEpoch, true) &&
      getI64(view, body + batchHeader.baseOffset) === getU64(view, header + walRecord.baseOffset) &&
      (!sum || crc(body + batchHeader.attributes, bytes - batchHeader.attributes, 0) === batchCrc)
    )
  }

  #hasHeader(at: number): boolean {
    const { view, crc, incarnation, secret } = this.#source
    const header = this.#address(at)
    return (
      view.getUint32(header + walRecord.magic, true) === walMagic &&
      getU64(view, header + walRecord.position) === at &&
      view.getUint32(header + walRecord.incarnation, true) <= incarnation &&
      view.getInt32(header + walRecord.crc, true) === crc(header + crcStart, crcBytes, secret)
    )
  }

  #field(at: number, field: number): number {
    return this.#source.view.getUint32(this.#address(at) + field, true)
  }

  #address(position: number): number {
    return this.#source.base + (position % this.#source.window)
  }

  /** Extends the window to `to`; returns false when that is after the end of the log. */
  #load(to: number): boolean {
    const { window, trimmed, capacity } = this.#source
    const last = Math.floor(trimmed / blockBytes) * blockBytes + capacity
    while (this.#loaded < to) {
      const bytes = Math.min(this.#source.readBytes, window - (this.#loaded % window), last - this.#loaded)
      if (bytes <= 0) return false
      this.#source.read(this.#address(this.#loaded), bytes, this.#loaded)
      this.#loaded += bytes
    }
    return true
  }
}
