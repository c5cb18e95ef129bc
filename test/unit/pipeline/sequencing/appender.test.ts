import { describe, expect, test } from 'vitest'
import { nodeCodecs } from '../../../../native-free-io/threads/codecs.ts'
import { appendFlags, reason } from '../../../../src/pipeline/ring-messages.ts'
import type { PartitionSettings } from '../../../../src/ports/partitions.ts'
import { buildBatch, type NewRecord } from '../../../../src/wire/batch-builder.ts'
import { crc32c } from '../../../../src/wire/crc32c.ts'
import { errors } from '../../../../src/wire/errors.ts'
import { attribute, batchHeader, codecs } from '../../../../src/wire/record-batch.ts'
import { readArchive } from '../../../vectors/archive.ts'
import type { BatchVector } from '../../../vectors/kafka-json.ts'
import { type AppendAnswer, LaneWorld, now } from './lane-world.ts'

interface Found {
  readonly answer: AppendAnswer
  /** As it is in the log; undefined when it was rejected. */
  readonly stored: Buffer | undefined
}

/** Appends one batch to a partition that has had one of five records. */
function append(batch: Buffer, settings: Partial<PartitionSettings> = {}, flags: number = appendFlags.exempt): Found {
  const world = new LaneWorld()
  world.open(1, settings)
  const timestamps = { timestamp: BigInt(now) }
  world.append(1, buildBatch(Array.from({ length: 5 }, () => ({ ...timestamps, key: Buffer.from('k') }))))
  world.append(1, batch, 0, flags)
  world.settle()
  const answer = world.appended()[1]!
  const { index, next } = world.partitions.get(1)!
  if (answer.error !== 0) {
    expect([next, index.length]).toEqual([5, 1])
    return { answer, stored: undefined }
  }
  const at = world.memory.address(index.position(1))
  return { answer, stored: Buffer.from(world.arena.bytes.subarray(at, at + index.bytes(1))) }
}

/** The batch with its offset and leader epoch, and its checksum for these contents. */
function sealed(batch: Buffer, change: (batch: Buffer) => void = () => {}): Buffer {
  const copy = Buffer.from(batch)
  copy.writeBigInt64BE(5n, batchHeader.baseOffset)
  copy.writeInt32BE(5, batchHeader.partitionLeaderEpoch)
  change(copy)
  return resum(copy)
}

function resum(batch: Buffer): Buffer {
  batch.writeUInt32BE(crc32c(batch, batchHeader.attributes), batchHeader.crc)
  return batch
}

const changed = (change: (batch: Buffer) => void, batch = good()): Buffer => {
  change(batch)
  return resum(batch)
}

const counting = (count: number, lastOffsetDelta: number): Buffer =>
  changed((batch) => {
    batch.writeInt32BE(count, batchHeader.recordsCount)
    batch.writeInt32BE(lastOffsetDelta, batchHeader.lastOffsetDelta)
  })

const good = (records: NewRecord[] = [{}, {}, {}], options = {}): Buffer =>
  buildBatch(
    records.map((record) => ({ timestamp: BigInt(now), key: Buffer.from('k'), value: Buffer.from('value'), ...record })),
    options,
  )

describe('appender: a batch that Apache Kafka wrote', () => {
  const cases = readArchive().batches
  const produced = ({ hex }: BatchVector): Buffer => {
    const batch = Buffer.from(hex, 'hex')
    if (batch.length >= 8) batch.writeBigInt64BE(0n, 0)
    return batch
  }
  // A log may hold what no producer may send: markers, gaps, several batches at once.
  const isProduced = ({ valid, batches }: BatchVector): boolean =>
    valid &&
    batches.length === 1 &&
    !batches[0]!.isControl &&
    !batches[0]!.isTransactional &&
    Number(batches[0]!.count) > 0 &&
    Number(batches[0]!.lastOffset) - Number(batches[0]!.baseOffset) + 1 === Number(batches[0]!.count)

  const always = { timestampAfterMaxMs: 2n ** 63n - 1n }

  test.each(cases.filter(isProduced))('is stored as it is, but for offset and epoch: $what', (one) => {
    const batch = produced(one)
    const { answer, stored } = append(batch, always)
    expect(answer).toMatchObject({ error: 0, baseOffset: 5 })
    expect(stored!.equals(sealed(batch, (copy) => copy.writeInt16BE(copy.readInt16BE(21) & ~attribute.logAppendTime, 21)))).toBe(true)
  })

  test.each(cases.filter(({ valid }) => !valid))('and a damaged one is rejected: $what', (one) => {
    const named = Object.values(errors).find(({ name }) => new RegExp(`\\b${name}\\b`).test(one.what))
    const { answer } = append(produced(one), always)
    expect(answer.error).not.toBe(0)
    if (named !== undefined) expect(answer.error).toBe(named.code)
  })

  test.each(cases.filter((one) => one.valid && !isProduced(one)))('and no producer sends is rejected: $what', (one) => {
    expect(append(produced(one), always).answer.error).not.toBe(0)
  })
})

describe('appender: rejected is a batch', () => {
  /** Reasons of the log itself, which says where it starts. */
  const reported: readonly number[] = [reason.baseOffset, reason.malformed, reason.count, reason.control, reason.codec, reason.sequence]

  test.each<readonly [string, Buffer, { readonly code: number }, number]>([
    ['of no bytes that could be one', Buffer.alloc(10), errors.INVALID_RECORD, reason.notOneBatch],
    ['that is cut off', good().subarray(0, -3), errors.INVALID_RECORD, reason.notOneBatch],
    ['with another behind it', Buffer.concat([good(), good()]), errors.INVALID_RECORD, reason.notOneBatch],
    ['of format 1', changed((b) => b.writeInt8(1, batchHeader.magic)), errors.INVALID_RECORD, reason.notOneBatch],
    ['whose checksum is wrong', Buffer.from(good()).fill(1, 17, 21), errors.CORRUPT_MESSAGE, reason.crc],
    ['with a bit flipped', Buffer.from(good()).fill(9, 70, 71), errors.CORRUPT_MESSAGE, reason.crc],
    ['with an offset of its own', changed((b) => b.writeBigInt64BE(1n, 0)), errors.INVALID_RECORD, reason.baseOffset],
    ['of more records than its count', counting(2, 1), errors.INVALID_RECORD, reason.malformed],
    ['of fewer records than its count', counting(4, 3), errors.INVALID_RECORD, reason.malformed],
    ['of a count that is not that of its offsets', changed((b) => b.writeInt32BE(7, 57)), errors.INVALID_RECORD, reason.count],
    ['of no records', counting(0, -1), errors.INVALID_RECORD, reason.count],
    ['of control records', changed((b) => b.writeInt16BE(attribute.control, 21)), errors.INVALID_RECORD, reason.control],
    ['of a codec that does not exist', changed((b) => b.writeInt16BE(6, 21)), errors.INVALID_RECORD, reason.codec],
    [
      'of a producer without sequence',
      good([{}], { producerId: 4n, producerEpoch: 0, baseSequence: -1 }),
      errors.INVALID_RECORD,
      reason.sequence,
    ],
    ['of format 3', changed((b) => b.writeInt8(3, batchHeader.magic)), errors.CORRUPT_MESSAGE, reason.notOneBatch],
  ])('%s', (_, batch, error, why) => {
    expect(append(batch).answer).toMatchObject({
      error: error.code,
      reason: why,
      baseOffset: -1,
      logAppendTime: -1,
      logStartOffset: reported.includes(why) ? 0 : -1,
      durableAt: 0,
    })
  })

  test('that claims log append time where the topic gives it', () => {
    const batch = changed((b) => b.writeInt16BE(attribute.logAppendTime, 21))
    const rejected = { error: errors.INVALID_TIMESTAMP.code, reason: reason.appendTime }
    expect(append(batch, { timestampType: 'LogAppendTime' }).answer).toMatchObject(rejected)
  })

  test('larger than max.message.bytes, and not one byte less', () => {
    const batch = good([{ value: Buffer.alloc(200) }])
    expect(append(batch, { maxMessageBytes: batch.length }).answer.error).toBe(0)
    expect(append(batch, { maxMessageBytes: batch.length - 1 }).answer.error).toBe(errors.MESSAGE_TOO_LARGE.code)
  })

  test('larger than memory, regardless of the limit of the topic', () => {
    const huge = good([{ value: Buffer.alloc(300 << 10) }])
    expect(append(huge, { maxMessageBytes: 1 << 30 }).answer.error).toBe(errors.MESSAGE_TOO_LARGE.code)
  })

  test('with a record without a key where the topic is compacted', () => {
    const batch = good([{}, { key: null }])
    expect(append(batch).answer.error).toBe(0)
    expect(append(batch, { compacted: true }).answer).toMatchObject({ error: errors.INVALID_RECORD.code, reason: reason.keyless })
    expect(append(good([{}, { value: null }]), { compacted: true }).answer.error).toBe(0)
  })

  test('of zstd when the request is older than zstd', () => {
    const batch = changed((b) => b.writeInt16BE(codecs.zstd, 21))
    expect(append(batch, {}, 1).answer.error).toBe(errors.UNSUPPORTED_COMPRESSION_TYPE.code)
  })

  test('with one record too old or too new, and no sooner', () => {
    const bounds = { timestampBeforeMaxMs: 1000n, timestampAfterMaxMs: 500n }
    const at = (delta: number) => append(good([{}, { timestamp: BigInt(now + delta) }, {}]), bounds).answer.error
    expect([at(-1000), at(-1001), at(500), at(501)]).toEqual([0, errors.INVALID_TIMESTAMP.code, 0, errors.INVALID_TIMESTAMP.code])
  })
})

test('appender: a record without a timestamp is not checked for its age', () => {
  const batch = good([{ timestamp: -1n }, { timestamp: -1n }])
  expect(append(batch, { timestampBeforeMaxMs: 1000n }).answer.error).toBe(0)
  const mixed = (delta: number) => good([{ timestamp: -1n }, { timestamp: BigInt(now + delta) }, { timestamp: -1n }])
  expect(append(mixed(-1000), { timestampBeforeMaxMs: 1000n }).answer.error).toBe(0)
  expect(append(mixed(-1001), { timestampBeforeMaxMs: 1000n }).answer.error).toBe(errors.INVALID_TIMESTAMP.code)
  expect(append(mixed(501), { timestampAfterMaxMs: 500n }).answer.error).toBe(errors.INVALID_TIMESTAMP.code)
})

test('appender: timestamps at both ends of their range are accepted or rejected', () => {
  const bounds = { timestampBeforeMaxMs: 1000n, timestampAfterMaxMs: 500n }
  for (const timestamp of [2n ** 63n - 1n, 2n ** 62n, 0n, -2n, -(2n ** 62n)]) {
    const batch = good([{ timestamp: BigInt(now) }, { timestamp }])
    expect(append(batch, bounds).answer.error).toBe(errors.INVALID_TIMESTAMP.code)
  }
})

test('appender: a batch that claims a wrong greatest timestamp is stored with the right one', () => {
  const batch = changed((b) => b.writeBigInt64BE(BigInt(now + 1000), batchHeader.maxTimestamp), good([{}, { timestamp: BigInt(now + 7) }]))
  const { stored } = append(batch)
  expect(stored!.equals(sealed(batch, (b) => b.writeBigInt64BE(BigInt(now + 7), batchHeader.maxTimestamp)))).toBe(true)
})

test.each([
  ['plain', good()],
  ['compressed', good([{}, {}], { codec: 'gzip', codecs: nodeCodecs })],
])('appender: log append time is written into a %s batch, and its checksum with it', (_, batch) => {
  const { answer, stored } = append(batch, { timestampType: 'LogAppendTime', timestampBeforeMaxMs: 0n })
  expect(answer).toMatchObject({ error: 0, logAppendTime: now })
  const expected = sealed(batch, (b) => {
    b.writeInt16BE(b.readInt16BE(batchHeader.attributes) | attribute.logAppendTime, batchHeader.attributes)
    b.writeBigInt64BE(BigInt(now), batchHeader.maxTimestamp)
  })
  expect(stored!.equals(expected)).toBe(true)
})

/** Kafka 4.3.1 cuts off what follows a batch, and stores offsets within a plain batch as they come; clients that do either are broken. */
test.each([
  ['a few bytes behind it', Buffer.concat([good(), Buffer.alloc(5)])],
  ['half a batch behind it', Buffer.concat([good(), good().subarray(0, 70)])],
  ['records whose offsets do not count up', changed((b) => b.writeInt8(10, batchHeader.bytes + 1 + (b[batchHeader.bytes]! >> 1) + 3))],
])('appender: a batch with %s is rejected, where Kafka takes it', (_, batch) => {
  expect(append(batch).answer.error).toBe(errors.INVALID_RECORD.code)
})

test.each([
  [2n ** 62n + 3n, 2n ** 62n + 3n],
  [2n ** 53n + 1n, 2n ** 53n + 1n],
  // Kafka's LogValidator begins with -1.
  [-2n, -1n],
  [-(2n ** 62n) - 1n, -1n],
])('appender: the largest timestamp of records at %d is exactly %d', (timestamp, largest) => {
  const { answer, stored } = append(good([{ timestamp }, { timestamp: timestamp - 1n }]), { timestampAfterMaxMs: 2n ** 63n - 1n })
  expect(answer.error).toBe(0)
  expect(stored!.readBigInt64BE(batchHeader.maxTimestamp)).toBe(largest)
  expect(resum(Buffer.from(stored!))).toEqual(stored)
})

test('appender: a batch with a negative timestamp is rejected where it would be compressed again, as by Kafka', () => {
  const packing = { codec: 'gzip', level: 6 } as const
  for (const timestamp of [-2n, -(2n ** 61n)]) {
    const batch = good([{}, { timestamp }])
    expect(append(batch, { packing }).answer).toMatchObject({ error: errors.INVALID_RECORD.code, reason: reason.negativeTimestamp })
    expect(append(batch).answer.error).toBe(0)
  }
  expect(append(good([{}, { timestamp: -1n }]), { packing }).answer.error).toBe(0)
})

test('appender: a producer id with a negative epoch is rejected where the batch would be compressed again, as by Kafka', () => {
  const packing = { codec: 'zstd', level: 3 } as const
  const batch = good([{}], { producerId: 7n, producerEpoch: -1, baseSequence: 0 })
  expect(append(batch, { packing }).answer).toMatchObject({ error: errors.INVALID_RECORD.code, reason: reason.negativeEpoch })
  const strange = good([{}], { producerId: -(2n ** 63n), producerEpoch: -1, baseSequence: -1 })
  expect(append(strange, { packing }).answer).toMatchObject({ error: errors.INVALID_RECORD.code, reason: reason.negativeEpoch })
  expect(append(strange).answer.error).toBe(0)
  expect(append(good([{}], { producerId: 7n, producerEpoch: 0, baseSequence: 0 }), { packing }).answer.error).toBe(0)
})
