import { nodeCodecs } from '../../../native-free-io/threads/codecs.ts'
import { below, chance, type Prng } from '../../../src/base/prng.ts'
import type { Settings } from '../../../src/config/settings.ts'
import { type CleanupSettings, cleanupSettings } from '../../../src/config/topic-configs.ts'
import type { Image } from '../../../src/metadata/image.ts'
import type { PartitionId } from '../../../src/ports/partitions.ts'
import { buildBatch } from '../../../src/wire/batch-builder.ts'
import { batchAt, batchBytes, isBatchError, lastOffset } from '../../../src/wire/record-batch.ts'
import { readRecords } from '../../../src/wire/records.ts'
import type { WalEntry } from './lane-model.ts'

export interface KeptRecord {
  readonly offset: number
  readonly key: string | null
  readonly value: string | null
  readonly timestamp: number
}

/** A batch that was read; compaction by key may have removed records of it. */
export interface ReadBatch {
  readonly end: number
  readonly producerId: number
  readonly records: readonly KeptRecord[]
}

interface Appended extends ReadBatch {
  readonly baseOffset: number
  readonly bytes: number
  isAcknowledged: boolean
}

const keyCount = 8
const producers = [500, 501]
const recordBytesMax = 1 << 20
const codecs = ['none', 'none', 'lz4'] as const

/** What was sent to a partition, and what may be missing from it. */
export class PartitionLedger {
  batches: Appended[] = []
  limits: CleanupSettings
  /** Maximum offset of a request to delete records. */
  requestedStart = 0
  /** Wall clock of every compaction that began. */
  readonly cleanings: number[] = []
  /** By offset: wall clock of the first compaction that included the record. */
  readonly #seenAt = new Map<number, number>()
  readonly #sequences = new Map<number, number>()
  #cleaned = 0

  constructor(limits: CleanupSettings) {
    this.limits = limits
  }

  get end(): number {
    return this.batches.at(-1)?.end ?? 0
  }

  /** End of the acknowledged records. */
  get durableEnd(): number {
    return this.batches.findLast(({ isAcknowledged }) => isAcknowledged)?.end ?? 0
  }

  sequenceOf(producerId: number, count: number): number {
    const sequence = this.#sequences.get(producerId) ?? 0
    this.#sequences.set(producerId, sequence + count)
    return sequence
  }

  acknowledge(baseOffset: number): void {
    const batch = this.batches.find((each) => each.baseOffset === baseOffset)
    if (batch !== undefined) batch.isAcknowledged = true
  }

  /** The log ends at `next` after a crash. Returns the last batch of each producer. */
  recovered(partitionId: PartitionId, next: number): Map<number, number> {
    const lost = this.batches.find(({ end, isAcknowledged }) => isAcknowledged && end > next)
    if (lost !== undefined)
      throw new Error(`partition ${partitionId} ends at offset ${next}, and offset ${lost.baseOffset} was acknowledged`)
    this.batches = this.batches.filter(({ end }) => end <= next)
    for (const batch of this.batches) batch.isAcknowledged = true
    return new Map(this.batches.filter(({ producerId }) => producerId >= 0).map((batch) => [batch.producerId, batch.baseOffset]))
  }

  cleaned(end: number): void {
    this.#cleaned = Math.max(this.#cleaned, end)
    const began = this.cleanings.at(-1)!
    for (const { offset } of this.batches.flatMap(({ records }) => records)) {
      if (offset < end && !this.#seenAt.has(offset)) this.#seenAt.set(offset, began)
    }
  }

  /**
   * Records move below the log start when a client requests it, when they have expired, or when enough bytes remain without them. Returns
   * true in the last case.
   */
  checkLogStart(before: number, after: number, nowMs: number): boolean {
    const limit = this.limits.deletes ? this.limits.retentionMs : null
    const early = this.#from(Math.max(before, this.requestedStart), after).find(
      ({ timestamp }) => limit === null || nowMs - timestamp < limit,
    )
    if (early === undefined) return false
    const remaining = this.batches.filter(({ end }) => end > after).reduce((sum, { bytes }) => sum + bytes, 0)
    if (this.limits.deletes && this.limits.retentionBytes !== null && remaining >= this.limits.retentionBytes) return true
    throw new Error(`offset ${early.offset} is deleted, and has not expired; ${remaining} bytes remain`)
  }

  /** Expired records are gone after a time. */
  checkExpired(logStart: number, nowMs: number, withinMs: number): void {
    const { retentionMs } = this.limits
    if (!this.limits.deletes || retentionMs === null) return
    const late = this.#from(logStart, this.durableEnd).find(({ timestamp }) => nowMs - timestamp > retentionMs + withinMs)
    if (late !== undefined) throw new Error(`offset ${late.offset} has expired, and can still be read`)
  }

  /** `batches` are the result of a read of [from, end). When it began, the partition was compacted by key up to `cleanedEnd`. */
  check(
    batches: readonly ReadBatch[],
    { from, end, cleanedEnd, nowMs }: { readonly from: number; readonly end: number; readonly cleanedEnd: number; readonly nowMs: number },
  ): void {
    const found = batches.flatMap(({ records }) => records)
    this.#checkSame(found, from)
    this.#checkUnique(found.filter(({ offset }) => offset >= from && offset < cleanedEnd))
    this.#checkProducers(batches, from, end)
    const offsets = new Set(found.map(({ offset }) => offset))
    const lastOf = new Map(this.#from(from, this.#cleaned).map(({ key, offset }) => [key, offset]))
    for (const record of this.#from(from, end)) {
      if (!offsets.has(record.offset)) this.#checkMissing(record, lastOf.get(record.key) ?? -1, nowMs)
    }
  }

  #checkSame(found: readonly KeptRecord[], from: number): void {
    const own = this.batches.filter((batch) => batch.end > from).flatMap(({ records }) => records)
    const sent = new Map(own.map((record) => [record.offset, record]))
    let last = -1
    for (const record of found) {
      if (record.offset <= last) throw new Error(`offset ${record.offset} was read after offset ${last}`)
      last = record.offset
      const original = sent.get(record.offset)
      if (original === undefined ? record.offset >= from : !isSame(original, record)) {
        throw new Error(`offset ${record.offset} is ${JSON.stringify(record)}, and was sent as ${JSON.stringify(original)}`)
      }
    }
  }

  /** Compaction by key leaves one record of each key. */
  #checkUnique(found: readonly KeptRecord[]): void {
    if (!this.limits.compacts) return
    const keys = new Set(found.map(({ key }) => key))
    if (keys.size < found.length) throw new Error(`${found.length} records of ${keys.size} keys remain below offset ${this.#cleaned}`)
  }

  /** The last batch of a producer remains, so that its sequence numbers are known. */
  #checkProducers(found: readonly ReadBatch[], from: number, end: number): void {
    const last = new Map(this.batches.filter((batch) => batch.isAcknowledged).map((batch) => [batch.producerId, batch]))
    for (const [producerId, batch] of last) {
      if (producerId < 0 || batch.baseOffset < from || batch.end > end) continue
      if (found.some((each) => each.end === batch.end && each.producerId === producerId)) continue
      throw new Error(`the last batch of producer ${producerId}, which ends at offset ${batch.end}, is missing`)
    }
  }

  /** A record may be missing when compaction by key has included it: superseded, without a key, or an expired tombstone. */
  #checkMissing({ offset, key, value }: KeptRecord, lastOfKey: number, nowMs: number): void {
    const seenAt = this.#seenAt.get(offset)
    if (!this.limits.compacts || seenAt === undefined) throw new Error(`offset ${offset} is missing`)
    if (key === null || lastOfKey > offset) return
    if (value !== null) throw new Error(`offset ${offset} is missing, and is the last of key ${key}`)
    if (nowMs - seenAt < this.limits.deleteRetentionMs) throw new Error(`the tombstone at offset ${offset} was removed before its time`)
  }

  #from(start: number, end: number): KeptRecord[] {
    const batches = this.batches.filter((batch) => batch.isAcknowledged && batch.end > start && batch.baseOffset < end)
    return batches.flatMap(({ records }) => records).filter(({ offset }) => offset >= start && offset < end)
  }
}

const isSame = (a: KeptRecord, b: KeptRecord): boolean => a.key === b.key && a.value === b.value && a.timestamp === b.timestamp

/** The ledgers of all partitions that exist. */
export class Ledgers {
  readonly #image: Image
  readonly #partitions = new Map<PartitionId, PartitionLedger>()

  constructor(image: Image) {
    this.#image = image
  }

  of(partitionId: PartitionId): PartitionLedger | undefined {
    return this.#partitions.get(partitionId)
  }

  /** Topics were created or deleted. */
  follow(settings: Settings): void {
    for (const { partitionId, topicId } of this.#image.cluster.partitions.values()) {
      const { configs } = this.#image.cluster.topicsById.get(topicId)!
      if (!this.#partitions.has(partitionId)) this.#partitions.set(partitionId, new PartitionLedger(cleanupSettings(configs, settings)))
    }
    for (const partitionId of this.#partitions.keys())
      if (!this.#image.cluster.partitions.has(partitionId)) this.#partitions.delete(partitionId)
  }

  appended({ partitionId, batch, header }: WalEntry): void {
    const [appended] = batchesIn(batch)
    this.of(partitionId)?.batches.push({ baseOffset: Number(header.baseOffset), bytes: batch.length, ...appended!, isAcknowledged: false })
  }

  recovered(partitionId: PartitionId, next: number): Map<number, number> {
    return this.of(partitionId)?.recovered(partitionId, next) ?? new Map()
  }
}

/** A random batch for a partition. */
export function batchOf(random: Prng, nowMs: number, ledger: PartitionLedger): Buffer {
  const count = 1 + below(random, 5)
  const producerId = chance(random, 300) ? producers[below(random, producers.length)]! : -1
  const records = Array.from({ length: count }, (_, index) => {
    const key = chance(random, 100) && !ledger.limits.compacts ? null : Buffer.from(`key-${below(random, keyCount)}`)
    const value = chance(random, 250) ? null : Buffer.alloc(1 + below(random, chance(random, 100) ? 3000 : 300), 97 + below(random, 26))
    return { key, value, timestamp: BigInt(nowMs + index) }
  })
  return buildBatch(records, {
    producerId: BigInt(producerId),
    producerEpoch: producerId < 0 ? -1 : 0,
    baseSequence: producerId < 0 ? -1 : ledger.sequenceOf(producerId, count),
    codec: codecs[below(random, codecs.length)]!,
    codecs: nodeCodecs,
  })
}

/** The batches in these bytes. */
export function batchesIn(bytes: Buffer): ReadBatch[] {
  const batches: ReadBatch[] = []
  for (let at = 0; at < bytes.length; ) {
    const header = batchAt(bytes, at)
    if (isBatchError(header)) throw new Error(header.because)
    const records = readRecords(bytes, at, header, nodeCodecs, recordBytesMax).map(({ offset, key, value, timestamp }) => ({
      offset: Number(offset),
      key: key && String(key),
      value: value && String(value),
      timestamp: Number(timestamp),
    }))
    batches.push({ end: Number(lastOffset(header)) + 1, producerId: Number(header.producerId), records })
    at += batchBytes(header)
  }
  return batches
}
