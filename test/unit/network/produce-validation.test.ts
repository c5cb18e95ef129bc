import { describe, expect, test } from 'vitest'
import { createArena, openArena } from '../../../native-free-io/threads/arena.ts'
import { nodeCodecs } from '../../../native-free-io/threads/codecs.ts'
import { validationModule } from '../../../native-free-io/threads/validation-module.ts'
import { below, prng } from '../../../src/base/prng.ts'
import { kernel } from '../../../src/pipeline/kernel/kernel.ts'
import { reason, reasons } from '../../../src/pipeline/ring-messages.ts'
import { type LargeWindowResult, LargeWindowRunner, planLargeWindow } from '../../../src/pipeline/validation/large-window.ts'
import { validationKernel } from '../../../src/pipeline/validation/validation-kernel.ts'
import { buildBatch, type NewRecord } from '../../../src/wire/batch-builder.ts'
import { errors } from '../../../src/wire/errors.ts'
import { batchHeader, codecs } from '../../../src/wire/record-batch.ts'
import { inOnePiece } from '../../../src/wire/slices.ts'
import { lateMs, zstdBomb, zstdFar } from '../../support/bombs.ts'
import { now } from '../pipeline/sequencing/lane-world.ts'
import { batchOf, recordsOf, sealed } from '../pipeline/validation/samples.ts'
import { FrontWorld } from './dispatcher-world.ts'

const names = ['gzip', 'snappy', 'lz4', 'zstd'] as const
const record = (fields: Partial<NewRecord> = {}): NewRecord => ({
  key: Buffer.from('key'),
  value: Buffer.from('value '.repeat(20)),
  timestamp: BigInt(now),
  ...fields,
})
const packed = (codec: (typeof names)[number], records: readonly NewRecord[]): Buffer => buildBatch(records, { codec, codecs: nodeCodecs })
/** Larger than what a network thread decodes itself. */
const long = (): Buffer =>
  packed('lz4', [record({ value: Buffer.alloc(700_000, 'long ') }), record({ value: Buffer.alloc(700_000, 'er') })])

function withMaxTimestamp(batch: Buffer, timestamp: bigint): Buffer {
  batch.writeBigInt64BE(timestamp, batchHeader.maxTimestamp)
  return sealed(batch)
}

function produced(batch: Buffer, options: ConstructorParameters<typeof FrontWorld>[0] = {}) {
  const world = new FrontWorld(options)
  const client = world.client()
  client.produce(1, batch)
  world.settle()
  const answer = client.produced(0).responses[0]!.partitionResponses[0]!
  expect(world.held).toBe(0)
  client.fetch(2, 0n)
  world.pass(1000)
  return { answer, stored: inOnePiece(client.fetched(-1).responses[0]!.partitions[0]!.records!) }
}

describe.each(names)('validation: a batch of %s', (codec) => {
  test('is stored byte for byte when all of it is right', () => {
    const batch = packed(codec, [
      record(),
      record({ key: null, timestamp: BigInt(now + 5) }),
      record({ headers: [{ key: 'h', value: null }] }),
    ])
    const { answer, stored } = produced(batch)
    expect(answer).toMatchObject({ errorCode: 0, baseOffset: 0n })
    expect(stored.subarray(batchHeader.magic)).toEqual(batch.subarray(batchHeader.magic))
  })

  test.each([-1n, 0n, BigInt(now) + 77n])('gets the largest timestamp of its records in place of %s', (claimed) => {
    const batch = withMaxTimestamp(packed(codec, [record(), record({ timestamp: BigInt(now) + 42n }), record()]), claimed)
    const { answer, stored } = produced(batch)
    expect(answer.errorCode).toBe(0)
    expect(stored.readBigInt64BE(batchHeader.maxTimestamp)).toBe(BigInt(now) + 42n)
    expect(sealed(Buffer.from(stored))).toEqual(stored)
  })

  test('with another largest timestamp and a wrong CRC is not given a right one', () => {
    const batch = withMaxTimestamp(packed(codec, [record()]), -1n)
    batch.writeInt32BE(batch.readInt32BE(batchHeader.crc) ^ 1, batchHeader.crc)
    expect(produced(batch).answer.errorCode).toBe(errors.CORRUPT_MESSAGE.code)
  })

  test('is rejected with its records named where the topic is compacted and a key is missing', () => {
    const batch = packed(codec, [record(), record({ key: null }), record(), record({ key: null })])
    const { answer } = produced(batch, { settings: { compacted: true } })
    expect(answer).toMatchObject({
      errorCode: errors.INVALID_RECORD.code,
      errorMessage: reasons[reason.keyless],
      recordErrors: [{ batchIndex: 1 }, { batchIndex: 3 }],
    })
  })

  test('is rejected with its records named where their timestamps are outside of what the topic accepts', () => {
    const batch = packed(codec, [record(), record({ timestamp: BigInt(now) - 10_001n }), record({ timestamp: BigInt(now) + 3_600_001n })])
    const { answer } = produced(batch, { settings: { timestampBeforeMaxMs: 10_000n } })
    expect(answer).toMatchObject({ errorCode: errors.INVALID_TIMESTAMP.code, recordErrors: [{ batchIndex: 1 }, { batchIndex: 2 }] })
  })

  test.each([
    ['more records than its header states', 2],
    ['fewer records than its header states', 4],
  ])('with %s is rejected', (_, count) => {
    const batch = packed(codec, [record(), record(), record()])
    batch.writeInt32BE(count, batchHeader.recordsCount)
    batch.writeInt32BE(count - 1, batchHeader.lastOffsetDelta)
    expect(produced(sealed(batch)).answer.errorCode).toBe(errors.INVALID_RECORD.code)
  })

  test('of garbage is rejected', () => {
    const { answer } = produced(batchOf(codec, Buffer.from('this is not compressed at all, regardless of the header'), 1))
    expect(answer).toMatchObject({ errorCode: errors.INVALID_RECORD.code, errorMessage: reasons[reason.undecodable] })
  })

  test('of garbage with a wrong CRC is reported as corrupt', () => {
    const batch = batchOf(codec, Buffer.from('this is not compressed at all, regardless of the header'), 1)
    batch[batch.length - 1]! ^= 1
    expect(produced(batch).answer.errorCode).toBe(errors.CORRUPT_MESSAGE.code)
  })

  test('that is truncated is rejected', () => {
    const whole = packed(codec, [record({ value: Buffer.from('a longer value '.repeat(100)) })])
    const batch = batchOf(codec, whole.subarray(batchHeader.bytes, whole.length - 9), 1)
    expect(produced(batch).answer.errorCode).toBe(errors.INVALID_RECORD.code)
  })

  test('is stored unread where validation is disabled', () => {
    const batch = batchOf(codec, Buffer.from('this is not compressed at all, regardless of the header'), 1)
    expect(produced(batch, { validates: false }).answer.errorCode).toBe(0)
  })
})

test('validation: a record that claims 2^31-1 headers is rejected', () => {
  const body = Buffer.from([12, 0, 0, 0, 1, 1, 0xfe, 0xff, 0xff, 0xff, 0x0f].map((byte) => byte))
  body[0] = 2 * (body.length - 1)
  const lz4 = buildBatch([record()], { codec: 'lz4' }).subarray(batchHeader.bytes, batchHeader.bytes + 7)
  const size = Buffer.alloc(4)
  size.writeUInt32LE(0x80000000 + body.length)
  const batch = batchOf('lz4', Buffer.concat([lz4, size, body, Buffer.alloc(4)]), 1)
  expect(produced(batch).answer).toMatchObject({ errorCode: errors.INVALID_RECORD.code, recordErrors: [{ batchIndex: 0 }] })
})

describe('validation: a batch that takes long', () => {
  test('holds up the later batches of its connection, and nothing of another', () => {
    const world = new FrontWorld()
    const [first, second] = [world.client(), world.client()]
    first.produce(1, long())
    first.produce(2, packed('lz4', [record()]))
    first.produce(3, buildBatch([record()]))
    second.produce(4, packed('snappy', [record()]))
    world.settle()
    expect(world.validatorStarts).toBe(1)
    expect([first.answered, second.answered]).toEqual([[], [4]])
    while (world.validate() > 0);
    world.settle()
    expect(first.answered).toEqual([1, 2, 3])
    const offsets = [0, 1, 2].map((i) => first.produced(i).responses[0]!.partitionResponses[0]!.baseOffset)
    expect(offsets).toEqual([1n, 3n, 4n])
    expect(second.produced(0).responses[0]!.partitionResponses[0]!.baseOffset).toBe(0n)
    expect(world.held).toBe(0)
  })

  test('goes to the large window where it refers back far, and holds up only the later batches of its connection', () => {
    const world = new FrontWorld()
    const place = planLargeWindow(1 << 20)
    const own = openArena(createArena(place.pages))
    const kernels = { validation: validationKernel(validationModule(), own.memory), crc: kernel(own.memory).crc }
    const runner = new LargeWindowRunner(world.lane.arena.bytes, own, place, kernels)
    const [first, second] = [world.client(), world.client()]
    const far = zstdFar(30 << 20, 20 << 20)
    far.writeBigInt64BE(BigInt(now), batchHeader.baseTimestamp)
    first.produce(1, withMaxTimestamp(far, -1n))
    first.produce(2, packed('lz4', [record()]))
    world.settle()
    while (world.validate() > 0);
    second.produce(3, packed('snappy', [record()]))
    world.settle()
    expect([first.answered, second.answered, world.wide.length]).toEqual([[], [3], 1])
    const [job] = world.wide
    const result = runner.work({ type: 'validate', ...job! }) as Extract<LargeWindowResult, { type: 'result' }>
    job!.onResult(result.result)
    world.settle()
    expect(first.answered).toEqual([1, 2])
    const offsets = [0, 1].map((i) => first.produced(i).responses[0]!.partitionResponses[0]!.baseOffset)
    expect(offsets).toEqual([1n, 3n])
    first.fetch(4, 1n)
    world.pass(1000)
    const { records } = first.fetched(-1).responses[0]!.partitions[0]!
    expect(inOnePiece(records!).readBigInt64BE(batchHeader.maxTimestamp)).toBe(BigInt(now + lateMs))
    expect(world.held).toBe(0)
  })

  test('is rejected as a short one is, and later ones continue', () => {
    const world = new FrontWorld()
    const client = world.client()
    const batch = long()
    batch.writeInt32BE(3, batchHeader.recordsCount)
    batch.writeInt32BE(2, batchHeader.lastOffsetDelta)
    client.produce(1, sealed(batch))
    client.produce(2, buildBatch([record()]))
    world.settle()
    while (world.validate() > 0);
    world.settle()
    expect(client.answered).toEqual([1, 2])
    expect(client.produced(0).responses[0]!.partitionResponses[0]).toMatchObject({ errorCode: errors.INVALID_RECORD.code })
    expect(client.produced(1).responses[0]!.partitionResponses[0]).toMatchObject({ errorCode: 0, baseOffset: 0n })
    expect(world.held).toBe(0)
  })

  test('is appended after its connection is closed, and its memory is released', () => {
    const world = new FrontWorld()
    const [gone, other] = [world.client(), world.client()]
    gone.produce(1, long())
    world.settle()
    world.dispatcher.disconnect(gone.queue)
    while (world.validate() > 0);
    world.settle()
    other.produce(2, buildBatch([record()]))
    world.settle()
    expect(other.produced(0).responses[0]!.partitionResponses[0]!.baseOffset).toBe(2n)
    expect(world.held).toBe(0)
  })

  test('is answered in time while it is still being validated, and keeps its place', () => {
    const world = new FrontWorld()
    const client = world.client()
    client.produce(1, long(), { timeoutMs: 1000 })
    world.settle()
    for (let tick = 0; tick < 8; tick++) world.pass(250)
    expect(client.produced(0).responses[0]!.partitionResponses[0]!.errorCode).toBe(errors.REQUEST_TIMED_OUT.code)
    while (world.validate() > 0);
    world.settle()
    client.produce(2, buildBatch([record()]))
    world.settle()
    expect(client.produced(1).responses[0]!.partitionResponses[0]!.baseOffset).toBe(2n)
    expect(world.held).toBe(0)
  })

  test('does not delay the answer to a later rejected one, and frees its token once', () => {
    const world = new FrontWorld()
    const [client, other] = [world.client(), world.client()]
    client.produce(1, zstdBomb(1 << 30))
    const rejected = long()
    rejected.writeInt32BE(3, batchHeader.recordsCount)
    rejected.writeInt32BE(2, batchHeader.lastOffsetDelta)
    client.produce(2, sealed(rejected), { timeoutMs: 1000 })
    world.settle()
    for (let turns = 0; turns < 4; turns++) world.validate()
    for (let tick = 0; tick < 8; tick++) world.pass(250)
    while (world.validate() > 0);
    // Requests that take the tokens that are free by now, and are on their way to the sequencer when the first one ends.
    for (let i = 0; i < 8; i++) other.produce(10 + i, buildBatch([record()]), { partition: 1 })
    world.settle()
    expect(client.answered).toEqual([1, 2])
    expect(client.produced(1).responses[0]!.partitionResponses[0]!.errorCode).toBe(errors.INVALID_RECORD.code)
    expect(other.answered).toEqual(Array.from({ length: 8 }, (_, i) => 10 + i))
    expect(world.held).toBe(0)
  })

  test('that decodes to gigabytes does not keep shorter ones waiting', () => {
    const world = new FrontWorld()
    const [bomb, others] = [world.client(), world.client()]
    bomb.produce(1, zstdBomb(1 << 30))
    others.produce(2, long())
    world.settle()
    for (let turns = 0; turns < 4; turns++) world.validate()
    world.settle()
    expect([bomb.answered, others.answered]).toEqual([[], [2]])
    while (world.validate() > 0);
    world.settle()
    expect(bomb.produced(0).responses[0]!.partitionResponses[0]).toMatchObject({ errorCode: 0, baseOffset: 2n })
  })
})

test.each([1, 2, 3])('validation: batches of many connections stay in the order of each, seed %i', (seed) => {
  const random = prng(seed)
  const world = new FrontWorld({ offloads: true })
  const clients = Array.from({ length: 4 }, () => world.client())
  const sent = clients.map(() => 0)
  for (let step = 0; step < 200; step++) {
    const which = below(random, clients.length)
    const codec = names[below(random, names.length)]!
    const isShort = below(random, 3) > 0
    const batch = packed(codec, [record({ value: Buffer.alloc(isShort ? 50 : 300_000, 'x') })])
    clients[which]!.produce(++sent[which]!, below(random, 4) === 0 ? buildBatch([record()]) : batch, { partition: which % 2 })
    if (below(random, 2) === 0) world.validate()
    if (below(random, 5) === 0) world.settle()
  }
  for (let turns = 0; turns < 2000 && clients.some((client, i) => client.answered.length < sent[i]!); turns++) {
    world.validate()
    world.settle()
  }
  for (const [i, client] of clients.entries()) {
    expect(client.answered).toEqual(Array.from({ length: sent[i]! }, (_, n) => n + 1))
    const offsets = client.answered.map((_, n) => Number(client.produced(n).responses[0]!.partitionResponses[0]!.baseOffset))
    expect(offsets).toEqual([...offsets].sort((a, b) => a - b))
    expect(Math.min(...offsets)).toBeGreaterThanOrEqual(0)
  }
  expect(world.held).toBe(0)
})

test('validation: the codecs of the samples and of the wire have the same numbers', () => {
  expect(names.map((name) => batchOf(name, recordsOf([]), 0).readInt16BE(batchHeader.attributes))).toEqual(
    names.map((name) => codecs[name]),
  )
})
