import { expect, test } from 'vitest'
import { nodeCodecs } from '../../../../native-free-io/threads/codecs.ts'
import { type CleaningRules, cleanBatch, noteKeys } from '../../../../src/objects/compaction/clean-batch.ts'
import { KeyMap, keyHashBytes } from '../../../../src/objects/compaction/key-map.ts'
import { type BatchOptions, buildBatch, buildMarker, type NewRecord } from '../../../../src/wire/batch-builder.ts'
import { crc32c } from '../../../../src/wire/crc32c.ts'
import { attribute, batchAt, batchHeader, codecNames, codecOf, isBatchError, lengthOverhead } from '../../../../src/wire/record-batch.ts'
import { readRecords } from '../../../../src/wire/records.ts'

const text = (value: string | null): Buffer | null => (value === null ? null : Buffer.from(value))
const record = (key: string | null, value: string | null, timestamp = 1000n): NewRecord => ({
  key: text(key),
  value: text(value),
  timestamp,
})

/** A map that has seen these batches, and rules with it. */
function rulesOf(batches: readonly Buffer[], changes: Partial<CleaningRules> = {}): CleaningRules {
  const hash = (key: Buffer): Buffer => Buffer.concat([key, Buffer.alloc(keyHashBytes)]).subarray(0, keyHashBytes)
  const rules = {
    keys: new KeyMap(1 << 20),
    hash,
    codecs: nodeCodecs,
    nowMs: 50_000,
    deleteRetentionMs: 10_000,
    producers: new Map<number, number>(),
    ...changes,
  }
  for (const batch of batches) expect(noteKeys(batch, 0, headerOf(batch), 0, rules)).toBe(true)
  return rules
}

function headerOf(batch: Buffer) {
  const header = batchAt(batch, 0)
  if (isBatchError(header)) throw new Error(header.because)
  return header
}

const clean = (batch: Buffer, rules: CleaningRules) => cleanBatch(batch, 0, headerOf(batch), rules)
const recordsOf = (batch: Buffer) => readRecords(batch, 0, headerOf(batch), nodeCodecs, 1 << 20)
const last = buildBatch([record('last', 'x')], { baseOffset: 1000n })

test('clean batch: a batch that loses records keeps its offsets, its producer, its sequence and the times of the others', () => {
  const options: BatchOptions = { baseOffset: 10n, producerId: 7n, producerEpoch: 3, baseSequence: 40, partitionLeaderEpoch: 2 }
  const old = buildBatch([record('a', '1', 1500n), record('b', '2', 1100n), record('a', '3', 1200n)], options)
  const cleaned = clean(old, rulesOf([old, last])) as Buffer
  const header = headerOf(cleaned)
  expect(header).toMatchObject({ baseOffset: 10n, lastOffsetDelta: 2, producerId: 7n, producerEpoch: 3, baseSequence: 40, recordsCount: 2 })
  expect(header).toMatchObject({ maxTimestamp: 1200n, partitionLeaderEpoch: 2 })
  expect(recordsOf(cleaned).map(({ offset, timestamp, sequence }) => [offset, timestamp, sequence])).toEqual([
    [11n, 1100n, 41],
    [12n, 1200n, 42],
  ])
})

/** The batch with bytes behind its compressed records. */
function followedBy(batch: Buffer, bytes: Buffer): Buffer {
  const longer = Buffer.concat([batch, bytes])
  longer.writeInt32BE(longer.length - lengthOverhead, batchHeader.batchLength)
  longer.writeUInt32BE(crc32c(longer, batchHeader.attributes), batchHeader.crc)
  return longer
}

// Kafka's readers ignore these bytes, and so does validation: such a batch is stored.
test.each([
  ['lz4', 'nonsense'],
  ['snappy', 'abc'],
  ['gzip', '\u001f\u008b'],
] as const)('clean-batch: a batch of %s with bytes behind its end is compacted', (codec, rest) => {
  const old = buildBatch([record('a', '1'), record('b', '2'), record('a', '3')], { codec, codecs: nodeCodecs })
  const longer = followedBy(old, Buffer.from(rest, 'latin1'))
  expect(recordsOf(clean(longer, rulesOf([longer, last])) as Buffer).map(({ value }) => String(value))).toEqual(['2', '3'])
})

test.each(codecNames)('clean batch: a batch packed with %s is read, and written anew packed as it was', (codec) => {
  const old = buildBatch([record('a', '1'), record('b', '2'), record('a', '3')], { codec, codecs: nodeCodecs })
  const cleaned = clean(old, rulesOf([old, last])) as Buffer
  expect(recordsOf(cleaned).map(({ value }) => String(value))).toEqual(['2', '3'])
  expect(codecOf(headerOf(cleaned))).toBe(codec)
})

test('clean batch: records that share the time of the log keep it', () => {
  const old = buildBatch([record('a', '1'), record('a', '2')], { attributes: attribute.logAppendTime })
  const stamped = Buffer.from(old)
  stamped.writeBigInt64BE(9999n, batchHeader.maxTimestamp)
  stamped.writeUInt32BE(crc32c(stamped, batchHeader.attributes), batchHeader.crc)
  const cleaned = clean(stamped, rulesOf([stamped, last])) as Buffer
  expect(recordsOf(cleaned).map(({ timestamp }) => timestamp)).toEqual([9999n])
})

test('clean batch: a tombstone gets a removal time, keeps it, and is removed at that time', () => {
  const old = buildBatch([record('a', '1', 1000n), record('a', null, 1001n)])
  const marked = clean(old, rulesOf([old, last])) as Buffer
  expect(headerOf(marked)).toMatchObject({ attributes: attribute.deleteHorizon, baseTimestamp: 60_000n, maxTimestamp: 1001n })
  expect(recordsOf(marked).map(({ offset, timestamp, value }) => [offset, timestamp, value])).toEqual([[1n, 1001n, null]])
  expect(clean(marked, rulesOf([marked, last], { nowMs: 59_999 }))).toBe('all')
  expect(clean(marked, rulesOf([marked, last], { nowMs: 60_000 }))).toBe('nothing')
})

test('clean batch: the last batch of what is compacted, and the last of a producer, stay without their records', () => {
  const old = buildBatch([record(null, '1', 1234n)], {
    baseOffset: 5n,
    producerId: 7n,
    baseSequence: 40,
    codec: 'gzip',
    codecs: nodeCodecs,
  })
  for (const rules of [rulesOf([old]), rulesOf([old, last], { producers: new Map([[7, 5]]) })]) {
    const empty = clean(old, rules) as Buffer
    expect(headerOf(empty)).toMatchObject({ baseOffset: 5n, recordsCount: 0, baseSequence: 40, attributes: 0, maxTimestamp: 1234n })
    expect(clean(empty, rules)).toBe('all')
  }
  expect(clean(old, rulesOf([old, last], { producers: new Map([[7, 6]]) }))).toBe('nothing')
})

test('clean batch: markers, what the map has not seen, and what cannot be unpacked stay as they are', () => {
  const marker = buildMarker('commit', 1, 5n, { producerId: 7n, producerEpoch: 0 })
  expect(clean(marker, rulesOf([marker, last]))).toBe('all')
  const young = buildBatch([record('last', '1')], { baseOffset: 2000n })
  expect(clean(young, rulesOf([last]))).toBe('all')
  const garbage = buildBatch([record('a', '1')])
  garbage.writeInt16BE(1, batchHeader.attributes)
  garbage.writeUInt32BE(crc32c(garbage, batchHeader.attributes), batchHeader.crc)
  expect(clean(garbage, rulesOf([garbage, last]))).toBe('all')
  const lying = Buffer.from(buildBatch([record('a', '1')]))
  lying.writeInt32BE(2 ** 31 - 1, batchHeader.recordsCount)
  lying.writeUInt32BE(crc32c(lying, batchHeader.attributes), batchHeader.crc)
  expect(clean(lying, rulesOf([lying, last]))).toBe('all')
  expect(lying.readInt32BE(batchHeader.batchLength)).toBe(lying.length - lengthOverhead)
})
