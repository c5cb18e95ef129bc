import { describe, expect, test } from 'vitest'
import { ProduceRequest } from '../../../src/wire/api/00-produce.ts'
import { errors } from '../../../src/wire/errors.ts'
import { batchOf } from '../pipeline/sequencing/lane-world.ts'
import { type Client, FrontWorld } from './dispatcher-world.ts'

const blankId = 'AAAAAAAAAAAAAAAAAAAAAA'

/** Partition 0 of `t` is in the second lane, partition 1 in the first. */
const world = (options: ConstructorParameters<typeof FrontWorld>[0] = {}): FrontWorld => new FrontWorld({ lanes: 2, ...options })

/** One request with a batch for each partition. */
function produceBoth(client: Client, correlationId: number, bytes = 100, timeoutMs = 30_000): void {
  const partitionData = [0, 1].map((index) => ({ index, records: batchOf(1, bytes) }))
  client.call(ProduceRequest, 11, correlationId, { acks: -1, timeoutMs, topicData: [{ name: 't', topicId: blankId, partitionData }] })
}

/** Runs everything, with the disk of one lane only. */
function write(front: FrontWorld, lane: number): void {
  front.run()
  front.lanes[lane]!.write()
  front.run()
}

const partsOf = (client: Client, index = 0) => client.produced(index).responses[0]!.partitionResponses
const recordsOf = (client: Client, index = 0): number[] =>
  client.fetched(index).responses.flatMap(({ partitions }) => partitions.map(({ records }) => records?.length ?? 0))

describe('several lanes: a Produce with batches for two', () => {
  test('is answered when both are durable', () => {
    const front = world()
    const client = front.client()
    produceBoth(client, 1)
    write(front, 0)
    expect(client.answered).toEqual([])
    write(front, 1)
    expect(partsOf(client).map(({ index, errorCode, baseOffset }) => [index, errorCode, baseOffset])).toEqual([
      [0, 0, 0n],
      [1, 0, 0n],
    ])
    expect(front.held).toBe(0)
  })

  test('is answered in the order of its connection, whichever lane is durable first', () => {
    const front = world()
    const client = front.client()
    client.produce(1, batchOf(1, 100), { partition: 0 })
    client.produce(2, batchOf(1, 100), { partition: 1 })
    write(front, 0)
    expect(client.answered).toEqual([])
    write(front, 1)
    expect(client.answered).toEqual([1, 2])
  })

  test('times out while one is not durable', () => {
    const front = world()
    const client = front.client()
    produceBoth(client, 1, 100, 1000)
    write(front, 0)
    for (let tick = 0; tick < 10; tick++) for (const { wake } of [...front.timers.values()].splice(0)) wake()
    expect(partsOf(client).map(({ errorCode }) => errorCode)).toEqual([errors.REQUEST_TIMED_OUT.code, errors.REQUEST_TIMED_OUT.code])
    front.settle()
    expect([client.answered, front.held]).toEqual([[1], 0])
  })
})

test('several lanes: a full append ring of one lane delays no batch of the other', () => {
  const front = world({ appendWords: 64 })
  const [filler, client] = [front.client(), front.client()]
  while (filler.waiting.length === 0) filler.produce(1, batchOf(1, 100), { partition: 0 })
  client.produce(2, batchOf(1, 100), { partition: 1 })
  expect(client.waiting).toEqual([])
  front.settle().pass(1000)
  expect(client.answered).toEqual([2])
})

describe('several lanes: a Fetch of both', () => {
  test('is answered with the records of both', () => {
    const front = world()
    const client = front.client()
    produceBoth(client, 1, 3000)
    front.settle()
    client.fetchAll(2, [0n, 0n])
    front.settle()
    expect(recordsOf(client, 1).every((bytes) => bytes > 2900)).toBe(true)
    expect(front.lanes.map(({ memory }) => memory.pinned)).toEqual([0, 0])
  })

  test.each([0, 1])('that waits is answered as soon as one has records: partition %i', (partition) => {
    const front = world()
    const [reader, writer] = [front.client(), front.client()]
    reader.fetchAll(1, [0n, 0n], { maxWaitMs: 3_600_000 })
    front.settle()
    expect(reader.answered).toEqual([])
    writer.produce(1, batchOf(1, 3000), { partition })
    front.settle()
    expect(recordsOf(reader).map((bytes) => bytes > 0)).toEqual([partition === 0, partition === 1])
    expect(front.waits).toEqual([])
    for (const lane of front.lanes) for (const { waiting } of lane.partitions.values()) expect(waiting.size).toBe(0)
  })

  test('that waits for more bytes than one has is answered with all of them at its time limit', () => {
    const front = world()
    const client = front.client()
    produceBoth(client, 1, 3000)
    front.settle()
    client.fetchAll(2, [0n, 0n], { maxWaitMs: 1000, minBytes: 100_000 })
    front.settle()
    expect(client.answered).toEqual([1])
    front.pass(1000)
    expect(recordsOf(client, 1).every((bytes) => bytes > 2900)).toBe(true)
  })

  test('has at most its maximum of bytes, besides the first batch', () => {
    const front = world()
    const client = front.client()
    produceBoth(client, 1, 3000)
    front.settle()
    client.fetchAll(2, [0n, 0n], { maxBytes: 10 })
    front.settle()
    expect(recordsOf(client, 1).map((bytes) => bytes > 0)).toEqual([true, false])
    expect(front.lanes.map(({ memory }) => memory.pinned)).toEqual([0, 0])
  })

  test('completes before a later response of its connection', () => {
    const front = world()
    const client = front.client()
    client.fetchAll(1, [0n, 0n], { maxWaitMs: 3_600_000 })
    client.produce(2, batchOf(1, 100), { partition: 0 })
    front.settle()
    expect(client.answered).toEqual([1, 2])
  })

  test('releases the memory of both when its connection ends, in any state', () => {
    for (const steps of [0, 1, 2, 3]) {
      const front = world()
      const client = front.client()
      produceBoth(client, 1, 3000)
      front.settle()
      client.isSlow = true
      client.fetchAll(2, [0n, 0n])
      front.dispatcher.publish()
      if (steps > 0) front.lanes[0]!.turn()
      if (steps > 1) front.dispatcher.turn()
      if (steps > 2) front.settle()
      front.dispatcher.disconnect(client.queue)
      for (const lease of client.unsent.splice(0)) lease.end()
      front.settle()
      expect(front.lanes.map(({ memory }) => memory.pinned)).toEqual([0, 0])
      expect(front.waits).toEqual([])
    }
  })

  test('keeps only the bytes that are still read, of the lane that has them', () => {
    const front = world()
    const client = front.client()
    produceBoth(client, 1, 10_000)
    front.settle()
    client.isSlow = true
    client.fetchAll(2, [0n, 0n])
    front.settle()
    const [lease] = client.unsent
    expect(front.lanes.every(({ memory }) => memory.pinned >= 10_000)).toBe(true)
    const address = front.lanes[1]!.memory.address(4096)
    lease!.keep(address, address + 100)
    front.run()
    expect(front.lanes.map(({ memory }) => memory.pinned)).toEqual([0, 100])
    lease!.end()
    front.run()
    expect(front.lanes.map(({ memory }) => memory.pinned)).toEqual([0, 0])
  })

  test('reads what is not in a log cache from the log of its lane', () => {
    const front = world({ log: 256 << 10 })
    const client = front.client()
    for (let i = 0; i < 40; i++) {
      produceBoth(client, i, 20_000)
      front.settle()
    }
    client.fetchAll(99, [0n, 0n], { partitionMaxBytes: 1000 })
    front.settle()
    expect(front.loads.map(({ index, load }) => [index, load.type, load.type === 'ranges' && load.lane])).toEqual([
      [1, 'ranges', 0],
      [0, 'ranges', 1],
    ])
  })
})
