import { getI64, getU64 } from '../base/long.ts'
import { batchHeader, lengthOverhead } from '../wire/record-batch.ts'
import { alignBlock, alignRecord, blockBytes, crcBytes, crcStart, type TrimPoint, walKind, walMagic, walRecord } from './wal-record.ts'

/** CRC-32C over a region, as the kernel does it. */
export type Crc = (address: number, bytes: number, seed: number) => number

/** A batch that recovery found whole; `address` is where it lies for the moment. */
export interface RecoveredBatch {
  readonly stream: number
  readonly baseOffset: number
  readonly position: number
  readonly bytes: number
  readonly address: number
}

export interface RecoverySource extends TrimPoint {
  readonly capacity: number
  readonly secret: number
  /** Of the life that wrote last; greater ones are not believed. */
  readonly incarnation: number
  /** Bytes of the window over the log: the byte at position p shows at `base + p mod window`. */
  readonly window: number
  readonly base: number
  readonly view: DataView
  readonly crc: Crc
  /** Whether to sum the batches of this life too: what is durable of them is known to be whole, of an earlier life's it is not. */
  readonly sumBatches: boolean
  /** What the metadata log recorded last about this log; undefined where it recorded nothing. */
  readonly mark?: WalMark | undefined
  /** Damage ends the log, instead of the start: an operator has accepted the loss of what follows. */
  readonly discardsDamage?: boolean
  /** How much is read at a time: whole blocks. */
  readonly readBytes: number
  /** Fills the window with [position, position + bytes), both whole blocks, not past the end of a lap. */
  read(position: number, bytes: number): void
}

/** An incarnation had made the log durable up to this position. */
export interface WalMark {
  /** Of the log that it is about. */
  readonly secret: number
  readonly incarnation: number
  readonly durable: number
}

/** Records that were durable, and that cannot be read. */
export interface WalDamage {
  readonly why: string
  /** The log was durable at least up to here. */
  readonly durable: number
}

export interface Recovered {
  /** Where the log goes on: the block behind the last whole record. */
  readonly position: number
  /** Position of the last record, -1 for none. */
  readonly previous: number
  /** The window holds what lies in [oldest, position). */
  readonly oldest: number
  readonly records: number
  /** What the last life had begun to write behind the end. */
  readonly tornBytes: number
  /** Where it is accepted. */
  readonly damage: WalDamage | undefined
}

/** How far behind the end a later record is searched: a hole in what was durable that is smaller is found. */
const searchBytesMax = 128 << 20

/** The log is damaged where it was durable once: an operator has to decide. The message says what can be done. */
export class WalCorrupt extends Error {
  /** By which it is known when it comes from another thread. */
  readonly code = walCorruptCode
}
export const walCorruptCode = 'WAL_CORRUPT'

/**
 * Reads the log from its start to the last whole record. Records that were on their way to the disk when it stopped may
 * be torn or missing; they were never acknowledged. One that is damaged although a later record says that it had been
 * durable throws `WalCorrupt`.
 */
export function recover(source: RecoverySource, onBatch: (batch: RecoveredBatch) => void): Recovered {
  const walk = new Walk(source)
  const { end, previous, records } = follow(walk, source, Number.POSITIVE_INFINITY, onBatch)
  const position = alignBlock(end)
  const { torn, damage } = walk.beyond(end, previous)
  if (damage !== undefined && source.discardsDamage !== true) throw new WalCorrupt(`${damage.why}; ${damageAdvice}`)
  walk.restore(position)
  return { position, previous, oldest: walk.oldest, records, tornBytes: damage === undefined ? torn : 0, damage }
}

const damageAdvice =
  'restore the write-ahead log from a copy; or start once with --override s3.wal.loss.accept=true, which discards the acknowledged records from that position on that are not in objects'

/** Reads the whole records of a part of the log that is durable, up to `until`. Returns where it may be cut then. */
export function readDurable(source: RecoverySource, until: number, onBatch: (batch: RecoveredBatch) => void): TrimPoint {
  const { end, previous, incarnation } = follow(new Walk(source), source, until, onBatch)
  return { trimmed: end, previous: Math.max(0, previous), previousIncarnation: incarnation }
}

interface Followed {
  readonly end: number
  /** Position of the last record, -1 for none, and the life that wrote it. */
  readonly previous: number
  readonly incarnation: number
  readonly records: number
}

function follow(walk: Walk, cut: TrimPoint, until: number, onBatch: (batch: RecoveredBatch) => void): Followed {
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
    records++
    end = after
  }
  return { end, previous, incarnation, records }
}

class Walk {
  readonly #source: RecoverySource
  /** Where the log begins, and where the window has been filled from without a gap. */
  readonly #first: number
  #oldest: number
  #loaded: number

  constructor(source: RecoverySource) {
    this.#source = source
    this.#first = Math.floor(source.trimmed / blockBytes) * blockBytes
    this.#oldest = this.#first
    this.#loaded = this.#first
  }

  get oldest(): number {
    return Math.max(this.#oldest, this.#loaded - this.#source.window)
  }

  /** Position of the record that follows `end`: there, or at the next block. -1 when there is none. */
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

  /** Where the next record may begin. */
  end(at: number): number {
    const end = at + walRecord.bytes + this.bytes(at)
    return this.kind(at) === walKind.batch ? alignRecord(end) : end
  }

  batch(at: number): RecoveredBatch {
    const header = this.#address(at)
    return {
      stream: this.#field(at, walRecord.stream),
      baseOffset: getU64(this.#source.view, header + walRecord.baseOffset),
      position: at + walRecord.bytes,
      bytes: this.bytes(at),
      address: header + walRecord.bytes,
    }
  }

  /**
   * Groups start on blocks: the first record of any later group would tell. What it says was durable ends at a block too,
   * and may be no more than the group that `end` belongs to; then only the record that follows at once can say whether
   * that group had one more.
   *
   * Returns how far the headers reach that the last life left behind the end, and whether one of them says that what cannot be
   * read was durable. A write in flight says so of nothing behind the end: its header has the durable position from before it.
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

  /** Written behind the end of a life that a later one has continued, after damage there was accepted. */
  #isStale(at: number): boolean {
    const { mark, secret } = this.#source
    return mark?.secret === secret && at >= mark.durable && this.incarnation(at) < mark.incarnation
  }

  /** Has the window hold again what lies in front of the end of the log, where a search behind it has replaced that. */
  restore(position: number): void {
    const { window } = this.#source
    if (this.#loaded - window <= Math.max(this.#first, position - window / 2)) return
    this.#loaded = Math.max(this.#first, Math.floor((position - window / 2) / this.#source.readBytes) * this.#source.readBytes)
    this.#oldest = this.#loaded
    this.#load(position)
  }

  /** Where a record ends of which the header is there; 0 for none of the last life. */
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
    // Its header is this log's own, so that it was written like this: by a life with more log memory.
    if (bytes > this.#source.window / 2 || (at % this.#source.window) + walRecord.bytes + bytes > this.#source.window) {
      throw new WalCorrupt(
        `the record at position ${at} does not fit: the log was written with a larger s3.wal.cache.size; set s3.wal.cache.size to that`,
      )
    }
    const sum = this.#source.sumBatches || this.incarnation(at) < this.#source.incarnation
    return this.#load(at + walRecord.bytes + bytes) && this.#matches(header, header + walRecord.bytes, bytes, sum)
  }

  /** The header agrees with the batch, and the batch with its CRC. */
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

  /** Has the window reach `to`; false when that lies behind the end of the log. */
  #load(to: number): boolean {
    const { window, trimmed, capacity } = this.#source
    const last = Math.floor(trimmed / blockBytes) * blockBytes + capacity
    while (this.#loaded < to) {
      const bytes = Math.min(this.#source.readBytes, window - (this.#loaded % window), last - this.#loaded)
      if (bytes <= 0) return false
      this.#source.read(this.#loaded, bytes)
      this.#loaded += bytes
    }
    return true
  }
}
