import { endOffset } from '../../support/admin.ts'
import { type BatchOptions, batchAt, decodeBatches, encodeBatch, type OutRecord } from '../../support/batch.ts'
import type { Connection } from '../../support/connection.ts'
import { api, fetchRequest, listOffsets, produce, readFetch, readListOffsets, readProduce } from '../../support/requests.ts'

/** A record of a compacted topic as a reader receives it, as text; `null` for no value. */
export interface Seen {
  readonly offset: number
  readonly key: string
  readonly value: string | null
}

/** Topic configs under which all records except the newest are compacted as soon as possible. */
export const eager = {
  'cleanup.policy': 'compact',
  'min.cleanable.dirty.ratio': '0.01',
  'segment.ms': '500',
  'delete.retention.ms': '86400000',
} as const

/** A cleaner with very short pauses. */
export const busyCleaner = { 'log.cleaner.backoff.ms': '100' } as const

export async function put(
  connection: Connection,
  topic: string,
  records: readonly (readonly [key: string, value: string | null])[],
  options: BatchOptions = {},
): Promise<bigint> {
  const out: OutRecord[] = records.map(([key, value]) => ({ key: Buffer.from(key), value: value === null ? null : Buffer.from(value) }))
  const sent = produce([{ topic, partition: 0, records: encodeBatch(out, options) }])
  const [answer] = readProduce(await connection.call(api.produce, sent))
  if (answer?.error !== 0) throw new Error(`a batch for ${topic} was rejected with error ${answer?.error}`)
  return answer.baseOffset
}

/** Reads all records from an offset on, across gaps and empty batches, as clients do. */
export async function readOn(connection: Connection, topic: string, from = 0): Promise<Seen[]> {
  const found: Seen[] = []
  await eachAnswer(connection, topic, from, (batches, next) => {
    for (const { offset, key, value } of decodeBatches(batches)) {
      if (Number(offset) >= next) found.push({ offset: Number(offset), key: String(key), value: value === null ? null : String(value) })
    }
  })
  return found
}

async function eachAnswer(
  connection: Connection,
  topic: string,
  from: number,
  visit: (batches: Buffer, next: number) => void,
): Promise<void> {
  const end = Number(await endOffset(connection, topic, 0))
  for (let next = Math.max(from, await startOffset(connection, topic)); next < end; ) {
    const asked = fetchRequest([{ topic, partition: 0, offset: BigInt(next) }])
    const [part] = readFetch(await connection.call(api.fetch, asked)).parts
    if (part?.error !== 0) throw new Error(`Fetch at ${next} answered ${part?.error}`)
    visit(part.records, next)
    const reached = endOf(part.records)
    if (reached <= next) throw new Error(`Fetch at ${next} brought nothing although the end is ${end}`)
    next = reached
  }
}

/** Headers of batches with records, without the time and the codec of their rewrite. */
export interface SeenBatch {
  readonly base: number
  readonly last: number
  readonly records: number
  readonly producerId: number
  readonly sequence: number
  readonly maxTimestamp: number
  /** The batch contains tombstones, and the time after which they may be removed. */
  readonly hasHorizon: boolean
}

export async function readBatches(connection: Connection, topic: string): Promise<SeenBatch[]> {
  const found: SeenBatch[] = []
  await eachAnswer(connection, topic, 0, (batches) => {
    for (let at = 0; batches.length - at >= batchAt.records; at += 12 + batches.readInt32BE(at + batchAt.length)) {
      const batch = batches.subarray(at, at + 12 + batches.readInt32BE(at + batchAt.length))
      const hasTombstones = decodeBatches(batch).some(({ value }) => value === null)
      const base = Number(batches.readBigInt64BE(at))
      found.push({
        base,
        last: base + batches.readInt32BE(at + batchAt.lastOffsetDelta),
        records: batches.readInt32BE(at + batchAt.recordCount),
        producerId: Number(batches.readBigInt64BE(at + 43)),
        sequence: batches.readInt32BE(at + batchAt.baseSequence),
        maxTimestamp: Number(batches.readBigInt64BE(at + 35)),
        hasHorizon: hasTombstones && (batches.readInt16BE(at + batchAt.attributes) & 0x40) !== 0,
      })
    }
  })
  return found.filter(({ records }) => records > 0)
}

export const startOffset = async (connection: Connection, topic: string): Promise<number> =>
  Number(readListOffsets(await connection.call(api.listOffsets, listOffsets(topic, 0, -2n))).offset)

/** The offset after the last complete batch. */
function endOf(batches: Buffer): number {
  let end = -1
  for (let at = 0; batches.length - at >= batchAt.records; ) {
    const next = at + 12 + batches.readInt32BE(at + batchAt.length)
    if (next > batches.length) break
    end = Number(batches.readBigInt64BE(at)) + batches.readInt32BE(at + batchAt.lastOffsetDelta) + 1
    at = next
  }
  return end
}

/** The last record of every key, in the order of offsets. */
export function lastOfEach(records: readonly Seen[]): Seen[] {
  const last = new Map(records.map((record) => [record.key, record.offset]))
  return records.filter(({ key, offset }) => last.get(key) === offset)
}
