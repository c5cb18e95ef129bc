import { describe, expect, test } from 'vitest'
import { below, chance, prng } from '../../../src/base/prng.ts'
import { inFlightMax, unsentBytesMax } from '../../../src/network/request-queue.ts'
import { laneHeader } from '../../../src/pipeline/lane-words.ts'
import { ApiVersionsRequest } from '../../../src/wire/api/18-api-versions.ts'
import { errors } from '../../../src/wire/errors.ts'
import { longIf } from '../../support/long.ts'
import { batchOf } from '../pipeline/sequencing/lane-world.ts'
import { FrontWorld } from './dispatcher-world.ts'

const kib = 1024

describe('dispatcher: the responses of a connection', () => {
  test('leave when they are durable, and in the order of the requests', () => {
    const world = new FrontWorld()
    const client = world.client()
    client.produce(1, batchOf(1, 200))
    client.produce(2, batchOf(1, 200), { topic: 'unknown' })
    client.produce(3, batchOf(1, 200))
    world.run()
    expect(client.answered).toEqual([])
    world.settle()
    expect(client.answered).toEqual([1, 2, 3])
    expect(world.held).toBe(0)
  })

  test('need no other stage when the answer is available at once', () => {
    const world = new FrontWorld()
    const client = world.client()
    client.produce(1, batchOf(1, 200), { topic: 'unknown' })
    world.dispatcher.publish()
    expect(client.answered).toEqual([1])
  })

  test('have no gap for a request with acks=0', () => {
    const world = new FrontWorld()
    const client = world.client()
    client.produce(1, batchOf(1, 200), { acks: 0 })
    client.produce(2, batchOf(1, 200))
    client.produce(3, batchOf(1, 200), { acks: 0 })
    world.settle()
    expect(client.answered).toEqual([2])
    client.produce(4, batchOf(1, 200))
    world.settle()
    expect(client.answered).toEqual([2, 4])
    expect(world.lane.command({ type: 'offsets', partitionId: 1 })).toMatchObject({ highWatermark: 4 })
  })

  test('end with the connection when a batch with acks=0 is rejected', () => {
    const world = new FrontWorld()
    const client = world.client()
    client.produce(1, batchOf(1, 200).fill(0, 70), { acks: 0 })
    world.settle()
    expect(client.closed).toContain('acks=0')
  })

  test('do not wait for a fetch that only waits for more', () => {
    const world = new FrontWorld()
    const client = world.client()
    client.fetch(1, 0n, { maxWaitMs: 60_000 })
    world.settle()
    expect(client.answered).toEqual([])
    client.produce(2, batchOf(1, 200), { partition: 1 })
    world.settle()
    expect(client.answered).toEqual([1, 2])
    client.fetch(3, 0n, { maxWaitMs: 60_000 })
    client.fetch(4, 0n, { maxWaitMs: 60_000 })
    world.settle()
    expect(client.answered).toEqual([1, 2, 3])
    client.call(ApiVersionsRequest, 3, 5, {})
    world.settle()
    expect(client.answered).toEqual([1, 2, 3, 4])
    expect(world.forwarded.length).toBe(1)
  })
})

describe('dispatcher: a request for the main thread', () => {
  test('is not reordered on its connection, and its answer is framed', () => {
    const world = new FrontWorld()
    const client = world.client()
    client.produce(1, batchOf(1, 200))
    client.call(ApiVersionsRequest, 3, 2, {})
    client.produce(3, batchOf(1, 200))
    expect(world.forwarded).toEqual([])
    world.settle()
    expect(world.forwarded.length).toBe(1)
    expect(client.answered).toEqual([1])
    expect(world.forwarded[0]!.frame.readInt32BE(4)).toBe(2)
    world.dispatcher.answered(world.forwarded[0]!.token, Buffer.from([0, 0, 0, 2, 9]))
    world.settle()
    expect(client.answered).toEqual([1, 2, 3])
  })

  test('that has no answer ends the connection', () => {
    const world = new FrontWorld()
    const client = world.client()
    client.call(ApiVersionsRequest, 3, 2, {})
    world.dispatcher.answered(world.forwarded[0]!.token, null)
    expect(client.closed).toBeDefined()
  })

  test('may be answered after its connection is closed', () => {
    const world = new FrontWorld()
    const client = world.client()
    client.call(ApiVersionsRequest, 3, 2, {})
    world.dispatcher.disconnect(client.queue)
    world.dispatcher.answered(world.forwarded[0]!.token, Buffer.alloc(4))
    world.dispatcher.answered(world.forwarded[0]!.token, Buffer.alloc(4))
    expect(client.answered).toEqual([])
  })
})

describe('dispatcher: a rejected frame closes its connection', () => {
  test.each([
    ['an unsupported API key', Buffer.from([0, 99, 0, 0, 0, 0, 0, 1, 255, 255])],
    ['an unsupported version', Buffer.from([0, 0, 0, 2, 0, 0, 0, 1, 255, 255])],
    ['a truncated header', Buffer.from([0, 0, 0])],
    ['a truncated body', Buffer.from([0, 0, 0, 9, 0, 0, 0, 1, 255, 255, 0, 0])],
    ['no body', Buffer.from([0, 1, 0, 12, 0, 0, 0, 1, 255, 255])],
  ])('when it has %s', (_, bytes) => {
    const world = new FrontWorld()
    const client = world.client()
    client.push(bytes)
    expect(client.closed).toBeDefined()
    expect(world.held).toBe(0)
  })

  test('and releases all its resources, for any number of frames', () => {
    const world = new FrontWorld()
    for (let i = 0; i < 100; i++) {
      const client = world.client()
      client.push(Buffer.from([0, i % 2, 0, 12 - 3 * ((i + 1) % 2), 0, 0, 0, 1, 255, 255, 0, 0]))
      expect(client.closed).toBeDefined()
      world.dispatcher.disconnect(client.queue)
    }
    world.client().call(ApiVersionsRequest, 3, 2, {})
    expect(world.forwarded[0]!.token).toBeLessThan(2)
  })
})

describe('dispatcher: a bound', () => {
  test('on requests of one connection defers the rest until some are answered', () => {
    const world = new FrontWorld()
    const client = world.client()
    for (let i = 0; i < inFlightMax + 10; i++) client.produce(i, batchOf(1, 100))
    expect(client.waiting.length).toBe(10)
    world.settle()
    expect(client.answered).toEqual(Array.from({ length: inFlightMax + 10 }, (_, i) => i))
  })

  test('on unsent bytes defers requests until some are sent', () => {
    const world = new FrontWorld()
    const client = world.client()
    client.unsentBytes = unsentBytesMax + 1
    client.produce(1, batchOf(1, 100))
    world.settle()
    expect(client.waiting.length).toBe(1)
    client.unsentBytes = 0
    client.queue.flush()
    world.settle()
    expect(client.answered).toEqual([1])
  })

  test('on the ring defers requests briefly', () => {
    const world = new FrontWorld({ appendWords: 64 })
    const client = world.client()
    for (let i = 0; i < 20; i++) client.produce(i, batchOf(1, 100))
    expect(client.waiting.length).toBeGreaterThan(0)
    world.settle()
    expect(client.answered).toEqual(Array.from({ length: 20 }, (_, i) => i))
  })

  test('on the ring does not make a request wait for a fetch in front of it', () => {
    const world = new FrontWorld({ appendWords: 64 })
    const [filler, client] = [world.client(), world.client()]
    client.fetch(1, 0n, { maxWaitMs: 3_600_000, partition: 1 })
    world.settle()
    for (let i = 0; i < 20; i++) filler.produce(i, batchOf(1, 100))
    client.produce(2, batchOf(1, 100))
    expect(client.waiting.length).toBe(1)
    world.settle().pass(1000)
    expect(client.answered).toEqual([1, 2])
  })
})

test('dispatcher: a request that completes a parked fetch keeps its room in the ring while requests of other connections are deferred', () => {
  const world = new FrontWorld({ appendWords: 64 })
  const [parked, filler, deferred, rejected] = [world.client(), world.client(), world.client(), world.client()]
  parked.fetch(1, 0n, { maxWaitMs: 3_600_000, partition: 1 })
  world.settle()
  while (filler.waiting.length === 0) filler.produce(0, batchOf(1, 100))
  for (let i = 0; i < 20; i++) deferred.produce(i, batchOf(1, 100))
  expect(deferred.waiting.length).toBe(20)
  world.dispatcher.publish()
  world.lane.turn()
  rejected.produce(1, batchOf(1, 100), { topic: 'unknown' })
  parked.produce(2, batchOf(1, 100))
  world.settle().pass(1000)
  expect([parked.answered, parked.produced(1).responses[0]!.partitionResponses[0]!.errorCode]).toEqual([[1, 2], 0])
})

describe('dispatcher: a connection that ends', () => {
  test('releases the resources of its requests', () => {
    const world = new FrontWorld()
    const client = world.client()
    for (let i = 0; i < 5; i++) client.produce(i, batchOf(1, 100))
    client.fetch(9, 0n, { maxWaitMs: 60_000 })
    world.dispatcher.disconnect(client.queue)
    world.settle()
    expect(world.held).toBe(0)
    expect(client.answered).toEqual([])
    expect(world.waits).toEqual([])
    expect(world.lane.command({ type: 'offsets', partitionId: 1 })).toMatchObject({ highWatermark: 5 })
    for (const partition of world.lane.partitions.values()) expect(partition.waiting.size).toBe(0)
  })

  test('releases the responses in progress', () => {
    const world = new FrontWorld()
    const client = world.client()
    for (let i = 0; i < 5; i++) client.produce(i, batchOf(1, 3 * kib))
    world.settle()
    client.isSlow = true
    client.fetch(9, 0n)
    world.settle()
    expect(world.lane.memory.pinned).toBeGreaterThan(0)
    world.dispatcher.disconnect(client.queue)
    for (const lease of client.unsent.splice(0)) lease.end()
    world.settle()
    expect(world.lane.memory.pinned).toBe(0)
  })

  test('before its fetch is answered pins nothing', () => {
    const world = new FrontWorld()
    const client = world.client()
    for (let i = 0; i < 5; i++) client.produce(i, batchOf(1, 3 * kib))
    world.settle()
    client.fetch(9, 0n)
    world.dispatcher.disconnect(client.queue)
    world.settle()
    expect(world.lane.memory.pinned).toBe(0)
  })
})

for (let seed = 0; seed < 20; seed++) {
  test(`dispatcher: any mix of requests is answered in order, seed ${seed}`, longIf(seed >= 10), () => {
    const p = prng(seed)
    const world = new FrontWorld({ appendWords: [64, 1024, 1 << 16][seed % 3]!, lanes: 1 + (seed % 2) })
    const clients = Array.from({ length: 4 }, () => ({ client: world.client(), asked: [] as number[], next: 0 }))
    for (let step = 0; step < 600; step++) {
      const one = clients[below(p, clients.length)]!
      const id = one.next++
      const dice = below(p, 100)
      if (dice < 50) {
        const acks = chance(p, 200) ? 0 : -1
        one.client.produce(id, batchOf(1, 100 + below(p, 3000)), { acks, partition: below(p, 2) })
        if (acks !== 0) one.asked.push(id)
      } else if (dice < 60) {
        one.client.produce(id, batchOf(1, 100), { topic: 'unknown' })
        one.asked.push(id)
      } else if (dice < 90) {
        const offsets = Array.from({ length: 1 + below(p, 2) }, () => BigInt(below(p, 30)))
        one.client.fetchAll(id, offsets, {
          first: below(p, 3 - offsets.length),
          maxWaitMs: chance(p, 500) ? 0 : 1000,
          minBytes: below(p, 10_000),
        })
        one.asked.push(id)
      } else {
        one.client.call(ApiVersionsRequest, 3, id, {})
        one.asked.push(id)
      }
      if (chance(p, 300)) world.dispatcher.publish()
      const lane = world.lanes[below(p, world.lanes.length)]!
      if (chance(p, 300)) lane.turn()
      if (chance(p, 200)) lane.write()
      if (chance(p, 300)) world.dispatcher.turn()
      if (chance(p, 100)) world.pass(1000)
      for (const { token, frame } of world.forwarded.splice(0)) world.dispatcher.answered(token, frame.subarray(4, 8))
    }
    for (let round = 0; round < 400; round++) {
      world.pass(2000)
      for (const { token, index } of world.loads.splice(0)) world.dispatcher.loaded(token, index, [Buffer.alloc(100)], 0)
      for (const { token, frame } of world.forwarded.splice(0)) world.dispatcher.answered(token, frame.subarray(4, 8))
    }
    for (const { client, asked } of clients) {
      expect(client.closed).toBeUndefined()
      expect(client.answered).toEqual(asked)
    }
    expect([world.held, world.waits.length, ...world.lanes.map(({ memory }) => memory.pinned)]).toEqual([0, 0, ...world.lanes.map(() => 0)])
  })
}

test('dispatcher: a connection that has copied leased bytes releases all but the bytes that are still read', () => {
  const world = new FrontWorld()
  const client = world.client()
  client.produce(1, batchOf(1, 10_000))
  world.settle()
  client.isSlow = true
  client.fetch(2, 0n)
  world.settle()
  const [lease] = client.unsent
  expect(world.lane.memory.pinned).toBeGreaterThanOrEqual(10_000)
  const address = world.lane.memory.address(4096)
  lease!.keep(address, address + 100)
  expect(world.run().lane.memory.pinned).toBe(100)
  lease!.release()
  lease!.release()
  lease!.keep(address, address + 100)
  expect(world.run().lane.memory.pinned).toBe(0)
})

test.each([0, 1])('consuming answers wakes only a sequencer that waits for room: %i', (outOfMemory) => {
  const world = new FrontWorld()
  const client = world.client()
  client.produce(1, Buffer.alloc(10))
  world.dispatcher.publish()
  world.lane.turn()
  const { words, plan } = world.lane.arena
  words[plan.lanes[0]!.header + laneHeader.answersBlocked] = outOfMemory
  words[plan.lanes[0]!.sequencerSignal] = 1
  world.dispatcher.turn()
  expect(words[plan.lanes[0]!.sequencerSignal]).toBe(1 - outOfMemory)
})

test('dispatcher: an error of one partition is not the error of another', () => {
  const world = new FrontWorld()
  const client = world.client()
  client.produce(1, batchOf(1, 100), { partition: 7 })
  world.settle()
  expect(client.produced(0).responses[0]!.partitionResponses[0]).toMatchObject({
    index: 7,
    errorCode: errors.UNKNOWN_TOPIC_OR_PARTITION.code,
  })
})
