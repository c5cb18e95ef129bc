import { describe, expect, test } from 'vitest'
import { errors } from '../../../src/wire/errors.ts'
import { batchHeader } from '../../../src/wire/record-batch.ts'
import { inOnePiece, type Slices } from '../../../src/wire/slices.ts'
import { batchOf } from '../pipeline/sequencing/lane-world.ts'
import { type Client, FrontWorld, otherId, topicId } from './dispatcher-world.ts'

const kib = 1024

function filled(count = 5, bytes = 3 * kib): { world: FrontWorld; client: Client } {
  const world = new FrontWorld()
  const client = world.client()
  for (let i = 0; i < count; i++) client.produce(i, batchOf(10, bytes))
  world.settle()
  client.responses.length = 0
  return { world, client }
}

const part = (client: Client, version = 11, index = 0) => client.fetched(index, version).responses[0]!.partitions[0]!

function offsetsOf(records: Buffer | Slices | null): number[] {
  const found: number[] = []
  const bytes = inOnePiece(records!)
  for (let at = 0; at < bytes.length; at += 12 + bytes.readInt32BE(at + batchHeader.batchLength)) {
    found.push(Number(bytes.readBigInt64BE(at)))
  }
  return found
}

test.each([4, 5, 7, 11, 12, 13, 17, 18])('fetch: version %i returns the stored records', (version) => {
  const { world, client } = filled()
  client.fetch(1, 25n, { version, topic: version >= 13 ? topicId : 't' })
  world.settle()
  const response = client.fetched(0, version)
  expect(response.responses[0]).toMatchObject(version >= 13 ? { topicId } : { topic: 't' })
  const found = part(client, version)
  expect(found).toMatchObject({ partitionIndex: 0, errorCode: 0, highWatermark: 50n, lastStableOffset: 50n, preferredReadReplica: -1 })
  expect(offsetsOf(found.records)).toEqual([20, 30, 40])
  expect(world.lane.memory.pinned).toBe(0)
})

test('fetch: small pieces are sent together, and pinned until they are sent', () => {
  const { world, client } = filled(20, 300)
  client.isSlow = true
  client.fetch(1, 0n)
  world.settle()
  expect(offsetsOf(part(client).records).length).toBe(20)
  expect(world.lane.memory.pinned).toBeGreaterThan(0)
  for (const lease of client.unsent.splice(0)) lease.end()
  world.settle()
  expect(world.lane.memory.pinned).toBe(0)
})

test('fetch: committed reads name aborted transactions, others do not', () => {
  const { world, client } = filled()
  client.fetch(1, 0n, { isolationLevel: 1 })
  client.fetch(2, 0n, { isolationLevel: 0 })
  world.settle()
  expect(part(client, 11, 0).abortedTransactions).toEqual([])
  expect(part(client, 11, 1).abortedTransactions).toBeNull()
})

test('fetch: a client that is ahead of the epoch it fetched last receives the end of that epoch', () => {
  const { world, client } = filled()
  client.fetch(1, 60n, { version: 12, lastFetchedEpoch: 5 })
  world.settle()
  expect(part(client, 12)).toMatchObject({ errorCode: 0, divergingEpoch: { epoch: 5, endOffset: 50n }, abortedTransactions: null })
})

test('fetch: a fetch that the log rejected has no list of aborted transactions, one that never reached a log has an empty list', () => {
  const { world, client } = filled()
  client.fetch(1, 51n, { isolationLevel: 1 })
  client.fetch(2, 0n, { isolationLevel: 0, topic: 'unknown' })
  world.settle()
  expect(part(client, 11, 0).abortedTransactions).toBeNull()
  expect(part(client, 11, 1).abortedTransactions).toEqual([])
})

describe('fetch: an error is answered at once', () => {
  test.each([
    ['a topic that does not exist', { topic: 'unknown' }, errors.UNKNOWN_TOPIC_OR_PARTITION],
    ['a topic id that does not exist', { topic: otherId, version: 13 }, errors.UNKNOWN_TOPIC_ID],
    ['a partition that does not exist', { partition: 9 }, errors.UNKNOWN_TOPIC_OR_PARTITION],
    ['an offset behind the end', { offset: 51n }, errors.OFFSET_OUT_OF_RANGE],
    ['a negative offset', { offset: -1n }, errors.OFFSET_OUT_OF_RANGE],
    ['an offset beyond all numbers', { offset: 2n ** 62n }, errors.OFFSET_OUT_OF_RANGE],
    ['a replica, of which there are none', { replicaId: 3 }, errors.TOPIC_AUTHORIZATION_FAILED],
  ] as const)('to %s', (_, fields, error) => {
    const { world, client } = filled()
    const { offset = 0n, ...rest } = fields as { offset?: bigint; version?: number }
    client.fetch(1, offset, { ...rest, maxWaitMs: 100_000, minBytes: 1 << 20 })
    world.settle()
    const version = rest.version ?? 11
    expect(client.fetched(0, version).errorCode).toBe(0)
    expect(part(client, version)).toMatchObject({ errorCode: error.code, highWatermark: -1n, records: Buffer.alloc(0) })
  })
})

test('fetch: a fetch waits up to its maximum time, and then returns no records', () => {
  const { world, client } = filled()
  client.fetch(1, 50n, { maxWaitMs: 500 })
  world.settle()
  expect(client.answered).toEqual([])
  expect(world.waits).toEqual([500])
  world.pass(500)
  expect(part(client)).toMatchObject({ errorCode: 0, highWatermark: 50n, records: Buffer.alloc(0) })
  expect(world.waits).toEqual([])
})

test('fetch: a fetch with minBytes of 0, or without wait time, does not wait', () => {
  const { world, client } = filled()
  client.fetch(1, 50n, { maxWaitMs: 0 })
  client.fetch(2, 50n, { maxWaitMs: 1000, minBytes: 0 })
  client.fetch(3, 50n, { maxWaitMs: -5 })
  world.settle()
  expect(client.answered).toEqual([1, 2, 3])
  expect(world.waits).toEqual([])
})

test('fetch: a waiting fetch is woken by another connection', () => {
  const { world, client } = filled()
  client.fetch(1, 50n, { maxWaitMs: 10_000 })
  world.settle()
  world.client().produce(2, batchOf(1, 200))
  world.settle()
  expect(offsetsOf(part(client).records)).toEqual([50])
  expect(world.waits).toEqual([])
})

test('fetch: cold records are read from storage, and a failed read is an error', () => {
  const { world, client } = filled(40, 60 * kib)
  client.fetch(1, 0n, { partitionMaxBytes: 100 * kib })
  world.settle()
  expect(client.answered).toEqual([])
  const [{ token, index, load }] = world.loads.splice(0) as [(typeof world.loads)[number]]
  expect(load.type).toBe('ranges')
  world.dispatcher.loaded(token, index, [batchOf(2, 200)], 0)
  expect(offsetsOf(part(client).records)).toEqual([0])
  client.fetch(2, 0n)
  world.settle()
  const [again] = world.loads.splice(0) as [(typeof world.loads)[number]]
  world.dispatcher.loaded(again.token, again.index, null, errors.KAFKA_STORAGE_ERROR.code)
  expect(part(client, 11, 1)).toMatchObject({ errorCode: errors.KAFKA_STORAGE_ERROR.code })
})

test('fetch: a fetch whose cold read finds no memory continues without it if it has other records, and waits otherwise', () => {
  const { world, client } = filled(40, 60 * kib)
  world.lane.trim(world.lane.durable)
  const loads = () => world.loads.splice(0).map(({ token, ...partitionRead }) => ({ token, partitionRead }))
  client.produce(9, batchOf(1, 200), { partition: 1 })
  world.settle()
  client.responses.length = 0

  client.fetch(1, 0n)
  world.settle()
  const [first] = loads()
  expect(first!.partitionRead.load).toMatchObject({ type: 'partition', mayWait: false })
  world.dispatcher.outOfMemory(first!.token, first!.partitionRead)
  expect(client.answered).toEqual([])
  const [again] = loads()
  expect(again!.partitionRead).toEqual({ ...first!.partitionRead, load: { ...first!.partitionRead.load, mayWait: true } })
  world.dispatcher.loaded(again!.token, again!.partitionRead.index, [batchOf(2, 200)], 0)
  expect(offsetsOf(part(client).records)).toEqual([0])

  client.fetchAll(2, [0n, 0n])
  world.settle()
  const [cold] = loads()
  world.dispatcher.outOfMemory(cold!.token, cold!.partitionRead)
  const [without, newest] = client.fetched(1, 11).responses[0]!.partitions
  expect([without!.records!.length, offsetsOf(newest!.records)]).toEqual([0, [0]])
  expect(loads()).toEqual([])
})

describe('fetch: a session', () => {
  const session = (client: Client, id: number, sessionId: number, sessionEpoch: number, offset = 0n, fields = {}): void =>
    client.fetch(id, offset, { sessionId, sessionEpoch, maxWaitMs: 0, ...fields })

  test('returns only changes of a partition', () => {
    const { world, client } = filled(1)
    session(client, 1, 0, 0)
    world.settle()
    const { sessionId, responses } = client.fetched(0)
    expect(sessionId).toBeGreaterThan(0)
    expect(offsetsOf(responses[0]!.partitions[0]!.records)).toEqual([0])
    session(client, 2, sessionId, 1, 10n)
    world.settle()
    expect(client.fetched(1)).toMatchObject({ sessionId, errorCode: 0, responses: [] })
    client.produce(3, batchOf(1, 200))
    world.settle()
    session(client, 4, sessionId, 2, 0n, { topics: [] })
    world.settle()
    expect(offsetsOf(part(client, 11, 3).records)).toEqual([10])
    client.fetch(5, 0n, {
      sessionId,
      sessionEpoch: 3,
      topics: [],
      maxWaitMs: 0,
      forgottenTopicsData: [{ topic: 't', topicId: 'AAAAAAAAAAAAAAAAAAAAAA', partitions: [0] }],
    })
    world.settle()
    expect(client.fetched(4)).toMatchObject({ sessionId: 0, responses: [] })
  })

  test('that is invalid is rejected without partitions in the response', () => {
    const { world, client } = filled(1)
    session(client, 1, 99, 1)
    world.settle()
    expect(client.fetched(0)).toMatchObject({ errorCode: errors.FETCH_SESSION_ID_NOT_FOUND.code, responses: [], sessionId: 0 })
    session(client, 2, 0, 0)
    world.settle()
    const { sessionId } = client.fetched(1)
    session(client, 3, sessionId, 7)
    world.settle()
    expect(client.fetched(2)).toMatchObject({ errorCode: errors.INVALID_FETCH_SESSION_EPOCH.code, responses: [] })
    client.fetch(4, 0n, { sessionId, sessionEpoch: 1, version: 13, topic: topicId, maxWaitMs: 0 })
    world.settle()
    expect(client.fetched(3, 13)).toMatchObject({ errorCode: errors.FETCH_SESSION_TOPIC_ID_ERROR.code, responses: [] })
  })

  test('returns an error each time, and the full state after it', () => {
    const { world, client } = filled(1)
    session(client, 1, 0, 0, 10n)
    world.settle()
    const { sessionId } = client.fetched(0)
    session(client, 2, sessionId, 1, 99n)
    session(client, 3, sessionId, 2, 99n)
    session(client, 4, sessionId, 3, 10n)
    session(client, 5, sessionId, 4, 10n)
    world.settle()
    expect([1, 2].map((index) => part(client, 11, index).errorCode)).toEqual([
      errors.OFFSET_OUT_OF_RANGE.code,
      errors.OFFSET_OUT_OF_RANGE.code,
    ])
    expect(part(client, 11, 3)).toMatchObject({ errorCode: 0, highWatermark: 10n })
    expect(client.fetched(4).responses).toEqual([])
  })

  test('without changes waits like any other fetch', () => {
    const { world, client } = filled(1)
    session(client, 1, 0, 0, 10n)
    world.settle()
    const { sessionId } = client.fetched(0)
    session(client, 2, sessionId, 1, 10n, { maxWaitMs: 5000 })
    world.settle()
    expect(client.answered).toEqual([1])
    world.client().produce(9, batchOf(1, 200))
    world.settle()
    expect(offsetsOf(part(client, 11, 1).records)).toEqual([10])
  })
})
