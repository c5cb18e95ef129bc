import { describe, expect, test } from 'vitest'
import { reason, reasons } from '../../../src/pipeline/ring-messages.ts'
import { ProduceRequest } from '../../../src/wire/api/00-produce.ts'
import { buildBatch } from '../../../src/wire/batch-builder.ts'
import { errors } from '../../../src/wire/errors.ts'
import { batchHeader } from '../../../src/wire/record-batch.ts'
import { routedTopic } from '../../support/routed-topic.ts'
import { batchOf, now, settings } from '../pipeline/sequencing/lane-world.ts'
import { FrontWorld, otherId, topicId } from './dispatcher-world.ts'

const blankId = 'AAAAAAAAAAAAAAAAAAAAAA'

test.each([3, 8, 9, 12, 13])('produce: version %i stores a batch and returns its offset', (version) => {
  const world = new FrontWorld()
  const client = world.client()
  const topic = version >= 13 ? topicId : 't'
  client.produce(1, batchOf(3, 300), { version, topic })
  client.produce(2, batchOf(3, 300), { version, topic })
  world.settle()
  const { responses } = client.produced(1, version)
  expect(responses[0]).toMatchObject(version >= 13 ? { topicId } : { name: 't' })
  expect(responses[0]!.partitionResponses).toMatchObject([
    { index: 0, errorCode: 0, baseOffset: 3n, logAppendTimeMs: -1n, recordErrors: [] },
  ])
})

test('produce: clients may not write to internal topics of coordinators', () => {
  const world = new FrontWorld()
  world.routing.set(routedTopic('__consumer_offsets', otherId, [2], settings))
  const client = world.client()
  client.produce(1, batchOf(1, 100), { topic: '__consumer_offsets' })
  world.settle()
  expect(client.produced(0).responses[0]!.partitionResponses).toMatchObject([
    { errorCode: errors.INVALID_TOPIC_EXCEPTION.code, baseOffset: -1n },
  ])
})

test('produce: a request of several topics and partitions has an answer for each, in its order', () => {
  const world = new FrontWorld()
  const client = world.client()
  const partitions = (...indices: number[]) => indices.map((index) => ({ index, records: batchOf(1, 100) }))
  client.call(ProduceRequest, 11, 1, {
    acks: -1,
    topicData: [
      { name: 't', topicId: blankId, partitionData: partitions(1, 5, 0) },
      { name: 'unknown', topicId: blankId, partitionData: partitions(0) },
      { name: 't', topicId: blankId, partitionData: partitions(1) },
    ],
  })
  world.settle()
  const { responses } = client.produced(0)
  expect(
    responses.map(({ name, partitionResponses }) => [name, partitionResponses.map((p) => [p.index, p.errorCode, Number(p.baseOffset)])]),
  ).toEqual([
    [
      't',
      [
        [1, 0, 0],
        [5, errors.UNKNOWN_TOPIC_OR_PARTITION.code, -1],
        [0, 0, 0],
      ],
    ],
    ['unknown', [[0, errors.UNKNOWN_TOPIC_OR_PARTITION.code, -1]]],
    ['t', [[1, 0, 1]]],
  ])
})

test('produce: a topic without partitions is not answered', () => {
  const world = new FrontWorld()
  const client = world.client()
  client.call(ProduceRequest, 11, 1, { acks: -1, topicData: [{ name: 't', topicId: blankId, partitionData: [] }] })
  world.settle()
  expect(client.produced(0).responses).toEqual([])
})

describe('produce: rejected is', () => {
  test.each([
    ['an acks that does not exist', { acks: 2 }, errors.INVALID_REQUIRED_ACKS],
    ['a topic id that does not exist', { version: 13, topic: otherId }, errors.UNKNOWN_TOPIC_ID],
    ['a partition that does not exist', { partition: 2 }, errors.UNKNOWN_TOPIC_OR_PARTITION],
    ['a negative partition', { partition: -1 }, errors.UNKNOWN_TOPIC_OR_PARTITION],
    ['a partition that does not exist, for all acks', { acks: 2, partition: 2 }, errors.UNKNOWN_TOPIC_OR_PARTITION],
  ] as const)('%s', (_, fields, error) => {
    const world = new FrontWorld()
    const client = world.client()
    client.produce(1, batchOf(1, 100), fields)
    world.settle()
    const version = 'version' in fields ? fields.version : 11
    expect(client.produced(0, version).responses[0]!.partitionResponses[0]).toMatchObject({ errorCode: error.code, baseOffset: -1n })
  })

  test('invalid batches, for all acks', () => {
    const world = new FrontWorld()
    const client = world.client()
    client.produce(1, Buffer.alloc(70), { acks: 2 })
    client.produce(2, Buffer.alloc(70, 3), { acks: 2 })
    world.settle()
    const codes = [0, 1].map((index) => client.produced(index).responses[0]!.partitionResponses[0]!.errorCode)
    expect(codes).toEqual([errors.INVALID_RECORD.code, errors.CORRUPT_MESSAGE.code])
  })

  test('a batch out of order, with the log start offset, which an invalid batch does not return', () => {
    const world = new FrontWorld()
    const client = world.client()
    const record = { timestamp: BigInt(now), key: null, value: null, headers: [] }
    const batches = [0, 5].map((baseSequence) => buildBatch([record], { producerId: 7n, producerEpoch: 0, baseSequence }))
    for (const batch of [...batches, Buffer.from(batches[0]!).fill(1, 17, 21)]) client.produce(1, batch)
    world.settle()
    const answers = [0, 1, 2].map((index) => client.produced(index).responses[0]!.partitionResponses[0]!)
    expect(answers.map(({ errorCode, logStartOffset }) => [errorCode, logStartOffset])).toEqual([
      [0, 0n],
      [errors.OUT_OF_ORDER_SEQUENCE_NUMBER.code, 0n],
      [errors.CORRUPT_MESSAGE.code, -1n],
    ])
  })

  test.each([
    ['null', null],
    ['no bytes', Buffer.alloc(0)],
    ['two batches', Buffer.concat([batchOf(1, 100), batchOf(1, 100)])],
  ])('a records field of %s', (_, records) => {
    const world = new FrontWorld()
    const client = world.client()
    client.produce(1, records)
    world.settle()
    const part = client.produced(0).responses[0]!.partitionResponses[0]!
    expect(part).toMatchObject({ errorCode: errors.INVALID_RECORD.code, baseOffset: -1n, errorMessage: reasons[reason.notOneBatch] })
  })

  test('a record without a key where the topic is compacted, and every such record is named', () => {
    const world = new FrontWorld({ settings: { compacted: true } })
    const client = world.client()
    client.produce(1, batchOf(2, 200))
    client.produce(
      2,
      buildBatch([{ timestamp: BigInt(now), key: Buffer.from('k') }, { timestamp: BigInt(now) }, { timestamp: BigInt(now) }]),
    )
    world.settle()
    expect(client.produced(0).responses[0]!.partitionResponses[0]).toMatchObject({ errorCode: 0 })
    const rejected = client.produced(1).responses[0]!.partitionResponses[0]!
    expect(rejected).toMatchObject({ errorCode: errors.INVALID_RECORD.code, errorMessage: reasons[reason.keyless] })
    expect(rejected.recordErrors.map(({ batchIndex }) => batchIndex)).toEqual([1, 2])
  })

  test('a record that is too old, and each record is named with its own reason, unless it has no timestamp', () => {
    const world = new FrontWorld({ settings: { compacted: true, timestampBeforeMaxMs: 1000n, timestampAfterMaxMs: 500n } })
    const client = world.client()
    const [key, value] = [Buffer.from('k'), Buffer.alloc(300)]
    const times = [now, -1, now - 1001, now + 501, now - 2000, -1, now - 1000]
    const keys = [key, key, key, key, null, null, key]
    client.produce(1, buildBatch(times.map((timestamp, i) => ({ timestamp: BigInt(timestamp), key: keys[i]!, value }))))
    world.settle()
    const rejected = client.produced(0).responses[0]!.partitionResponses[0]!
    expect(rejected).toMatchObject({ errorCode: errors.INVALID_TIMESTAMP.code, errorMessage: reasons[reason.timestamp] })
    const late = { batchIndexErrorMessage: reasons[reason.timestamp] }
    const keyless = { batchIndexErrorMessage: reasons[reason.keyless] }
    expect(rejected.recordErrors).toEqual([
      { batchIndex: 2, ...late },
      { batchIndex: 3, ...late },
      { batchIndex: 4, ...keyless },
      { batchIndex: 5, ...keyless },
    ])
  })

  test.each([
    [1000, 1000],
    [20_000, 8192],
  ])('a batch of %i records to blame, of which an answer names %i', (count, named) => {
    const world = new FrontWorld({ settings: { compacted: true } })
    const client = world.client()
    client.produce(1, buildBatch(Array.from({ length: count }, () => ({ timestamp: BigInt(now) }))))
    client.produce(2, batchOf(1, 100), { topic: 'unknown' })
    world.settle()
    const rejected = client.produced(0).responses[0]!.partitionResponses[0]!
    expect(rejected.recordErrors.map(({ batchIndex }) => batchIndex)).toEqual(Array.from({ length: named }, (_, i) => i))
    expect(client.produced(1).responses[0]!.partitionResponses[0]!.recordErrors).toEqual([])
  })

  test('zstd before version 7', () => {
    const world = new FrontWorld()
    const client = world.client()
    const batch = batchOf(1, 100)
    batch.writeInt16BE(4, batchHeader.attributes)
    client.produce(1, batch, { version: 6 })
    world.settle()
    expect(client.produced(0, 6).responses[0]!.partitionResponses[0]!.errorCode).toBe(errors.UNSUPPORTED_COMPRESSION_TYPE.code)
  })
})

test('produce: a topic with log append time returns the time', () => {
  const world = new FrontWorld({ settings: { timestampType: 'LogAppendTime' } })
  const client = world.client()
  client.produce(1, batchOf(1, 100))
  world.settle()
  expect(client.produced(0).responses[0]!.partitionResponses[0]).toMatchObject({ errorCode: 0, logAppendTimeMs: BigInt(now) })
})

test('produce: a retry has the answer of the first attempt', () => {
  const world = new FrontWorld()
  const client = world.client()
  for (let i = 0; i < 5; i++) client.produce(i, batchOf(2, 200, { producerId: 7n, producerEpoch: 1, baseSequence: 2 * i }))
  client.produce(5, batchOf(2, 200, { producerId: 7n, producerEpoch: 1, baseSequence: 0 }))
  client.produce(6, batchOf(2, 200, { producerId: 7n, producerEpoch: 1, baseSequence: 12 }))
  client.produce(7, batchOf(2, 200, { producerId: 7n, producerEpoch: 0, baseSequence: 10 }))
  world.settle()
  const part = (index: number) => client.produced(index).responses[0]!.partitionResponses[0]!
  expect(part(5)).toMatchObject({ errorCode: 0, baseOffset: 0n })
  expect(part(6)).toMatchObject({ errorCode: errors.OUT_OF_ORDER_SEQUENCE_NUMBER.code, baseOffset: -1n })
  expect(part(7)).toMatchObject({ errorCode: errors.INVALID_PRODUCER_EPOCH.code, baseOffset: -1n })
  expect(world.lane.command({ type: 'offsets', partitionId: 1 })).toMatchObject({ highWatermark: 10 })
})

test('produce: more partitions than a request may have end the connection', () => {
  const world = new FrontWorld()
  const client = world.client()
  const partitionData = Array.from({ length: 4097 }, (_, index) => ({ index, records: Buffer.alloc(1) }))
  client.call(ProduceRequest, 11, 1, { acks: -1, topicData: [{ name: 't', topicId: blankId, partitionData }] })
  expect(client.closed).toContain('4096')
})

test('produce and fetch: a partition that another broker leads is rejected with NOT_LEADER_OR_FOLLOWER', () => {
  const world = new FrontWorld()
  world.routing.set({ ...routedTopic('t', topicId, [1, 2], settings), leaders: Int32Array.of(7, 1) })
  const client = world.client()
  client.produce(1, batchOf(1, 100), { version: 11 })
  client.fetch(2, 0n)
  world.settle()
  expect(client.produced(0, 11).responses[0]!.partitionResponses).toMatchObject([{ errorCode: errors.NOT_LEADER_OR_FOLLOWER.code }])
  expect(client.fetched(1).responses[0]!.partitions).toMatchObject([{ errorCode: errors.NOT_LEADER_OR_FOLLOWER.code }])
})
