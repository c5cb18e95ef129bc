import { describe, expect, test } from 'vitest'
import { nodeCodecs } from '../../../../native-free-io/threads/codecs.ts'
import { reason } from '../../../../src/pipeline/ring-messages.ts'
import type { PartitionSettings } from '../../../../src/ports/partitions.ts'
import { type BatchOptions, buildBatch, type NewRecord } from '../../../../src/wire/batch-builder.ts'
import { usualLevel } from '../../../../src/wire/compression/codecs.ts'
import { crc32c } from '../../../../src/wire/crc32c.ts'
import { errors } from '../../../../src/wire/errors.ts'
import { attribute, batchAt, batchHeader, type CodecName, codecNames, codecOf, isBatchError } from '../../../../src/wire/record-batch.ts'
import { readRecords } from '../../../../src/wire/records.ts'
import { LaneWorld, now } from './lane-world.ts'

const packing = (codec: CodecName): Partial<PartitionSettings> => ({ packing: { codec, level: usualLevel[codec] } })

const records: NewRecord[] = [
  { timestamp: BigInt(now), key: Buffer.from('a'), value: Buffer.alloc(5000, 'text '), headers: [{ key: 'h', value: null }] },
  { timestamp: BigInt(now + 3), key: Buffer.from('b'), value: null },
  { timestamp: BigInt(now + 1), key: Buffer.from('c'), value: Buffer.from('x') },
]
const batchOf = (codec: CodecName, of: NewRecord[] = records, options: BatchOptions = {}): Buffer =>
  buildBatch(of, { codec, codecs: nodeCodecs, ...options })

/** Contents of the only partition of a world, batch by batch. */
function stored(world: LaneWorld): Buffer[] {
  const { index } = world.partitions.get(1)!
  return Array.from({ length: index.length }, (_, i) => {
    const at = world.memory.address(index.position(i))
    return Buffer.from(world.arena.bytes.subarray(at, at + index.bytes(i)))
  })
}

function headerOf(batch: Buffer) {
  const header = batchAt(batch, 0)
  if (isBatchError(header)) throw new Error(header.because)
  return header
}

function appended(batch: Buffer, settings: Partial<PartitionSettings>) {
  const world = new LaneWorld()
  world.open(1, settings)
  world.append(1, batch)
  world.settle()
  return { answer: world.appended()[0]!, batches: stored(world) }
}

const pairs = codecNames.flatMap((from) => codecNames.map((to) => [from, to] as const))

test.each(pairs)('repacker: a batch of %s is stored as %s where its topic requires it, with all of its contents', (from, to) => {
  const batch = batchOf(from, records, { producerId: 7n, producerEpoch: 2, baseSequence: 40 })
  const { answer, batches } = appended(batch, packing(to))
  expect(answer).toMatchObject({ error: 0, baseOffset: 0 })
  const header = headerOf(batches[0]!)
  expect(codecOf(header)).toBe(to)
  expect(header).toMatchObject({ producerId: 7n, producerEpoch: 2, baseSequence: 40, partitionLeaderEpoch: 5 })
  expect(header).toMatchObject({ recordsCount: 3, lastOffsetDelta: 2, baseTimestamp: BigInt(now), maxTimestamp: BigInt(now + 3) })
  const read = (bytes: Buffer) => readRecords(bytes, 0, headerOf(bytes), nodeCodecs, 1 << 20)
  expect(read(batches[0]!)).toEqual(read(batch))
  if (from === to) expect(batches[0]!.subarray(batchHeader.magic).equals(batch.subarray(batchHeader.magic))).toBe(true)
})

test('repacker: the clock of the log dates a batch that is packed anew', () => {
  const { answer, batches } = appended(batchOf('gzip'), { ...packing('lz4'), timestampType: 'LogAppendTime' })
  expect(answer.logAppendTime).toBe(now)
  expect(headerOf(batches[0]!)).toMatchObject({ maxTimestamp: BigInt(now), attributes: attribute.logAppendTime | 3 })
})

test('repacker: what a producer sends again is answered as the first time, though it is packed otherwise in the log', () => {
  const world = new LaneWorld()
  world.open(1, packing('gzip'))
  const batch = batchOf('lz4', records, { producerId: 7n, producerEpoch: 0, baseSequence: 0 })
  for (let i = 0; i < 2; i++) world.append(1, batch)
  world.append(1, batchOf('lz4', records, { producerId: 7n, producerEpoch: 0, baseSequence: 3 }))
  world.settle()
  expect(world.appended().map(({ error, baseOffset }) => [error, baseOffset])).toEqual([
    [0, 0],
    [0, 0],
    [0, 3],
  ])
  expect(stored(world)).toHaveLength(2)
})

describe('repacker: where batches are packed anew, rejected is', () => {
  const resum = (batch: Buffer): Buffer => {
    batch.writeUInt32BE(crc32c(batch, batchHeader.attributes), batchHeader.crc)
    return batch
  }
  const damaged = resum(Buffer.from(batchOf('gzip')).fill(0, batchHeader.bytes, batchHeader.bytes + 4))
  const bomb = batchOf('gzip', [{ timestamp: BigInt(now), value: Buffer.alloc(300 << 10) }])

  test.each<readonly [string, Buffer, Partial<PartitionSettings>, number, number]>([
    ['a wrong checksum', Buffer.from(batchOf('gzip')).fill(1, 17, 21), {}, errors.CORRUPT_MESSAGE.code, reason.crc],
    ['what cannot be unpacked', damaged, {}, errors.INVALID_RECORD.code, reason.malformed],
    ['an unknown codec', resum(Buffer.from(batchOf('none')).fill(7, 22, 23)), {}, errors.INVALID_RECORD.code, reason.malformed],
    ['what unpacks to more than memory can hold', bomb, {}, errors.INVALID_RECORD.code, reason.malformed],
    ['what is too large when it is packed', batchOf('gzip'), { maxMessageBytes: 4000 }, errors.MESSAGE_TOO_LARGE.code, reason.tooLarge],
    ['a packed record without a key', batchOf('gzip', [{}]), { compacted: true }, errors.INVALID_RECORD.code, reason.keyless],
    [
      'a packed record that is too old',
      batchOf('gzip', [{}, {}]),
      { timestampBeforeMaxMs: 5n },
      errors.INVALID_TIMESTAMP.code,
      reason.timestamp,
    ],
    [
      'a control batch',
      batchOf('none', [{}], { attributes: attribute.control }),
      { ...packing('lz4') },
      errors.INVALID_RECORD.code,
      reason.control,
    ],
  ])('%s', (_, batch, settings, error, why) => {
    const { answer, batches } = appended(batch, { ...packing('none'), ...settings })
    expect(answer).toMatchObject({ error, reason: why })
    expect(batches).toEqual([])
  })
})

test('repacker: a batch that finds no room is unpacked once, and appended once there is some', () => {
  const world = new LaneWorld({ log: 1 << 20, capacity: 1 << 20 })
  world.open(1, { ...packing('none'), maxMessageBytes: 1 << 20 })
  const large = batchOf('gzip', [{ timestamp: BigInt(now), value: Buffer.alloc(200 << 10, 'large') }])
  for (let i = 0; i < 8; i++) world.append(1, large)
  world.settle()
  const before = world.appended().length
  expect(before).toBeLessThan(8)
  expect(world.sequencer.stalled).toBe(true)
  for (let round = 0; round < 8; round++) {
    world.trim(world.durable)
    world.settle()
  }
  expect(world.appended().map(({ error, baseOffset }) => [error, baseOffset])).toEqual(
    Array.from({ length: 8 - before }, (_, i) => [0, before + i]),
  )
  expect(world.partitions.get(1)!.next).toBe(8)
})
