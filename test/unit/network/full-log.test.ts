import { expect, test } from 'vitest'
import { tickMs } from '../../../src/network/00-produce.ts'
import { ProduceRequest } from '../../../src/wire/api/00-produce.ts'
import { ApiVersionsRequest } from '../../../src/wire/api/18-api-versions.ts'
import { errors } from '../../../src/wire/errors.ts'
import { batchOf } from '../pipeline/sequencing/lane-world.ts'
import { type Client, FrontWorld } from './dispatcher-world.ts'

const kib = 1024
const timedOut = errors.REQUEST_TIMED_OUT.code
const timeoutMs = 2000
const ticks = timeoutMs / tickMs
const batchBytes = 100 * kib

/** The n-th batch of one producer, one record each. */
const batch = (n: number): Buffer => batchOf(1, batchBytes, { producerId: 9n, producerEpoch: 0, baseSequence: n })

const outcome = (client: Client, index: number): (readonly [number, number])[] =>
  client
    .produced(index)
    .responses.flatMap(({ partitionResponses }) => partitionResponses.map((p) => [p.errorCode, Number(p.baseOffset)] as const))

/** A full log, with `count` batches waiting for it. */
function fullWorld(): { world: FrontWorld; client: Client; count: number } {
  const world = new FrontWorld({ log: 1 << 20, capacity: 1 << 20 })
  const client = world.client()
  let count = 0
  for (; client.answered.length === count; count++) {
    client.produce(count, batch(count), { timeoutMs })
    world.settle()
  }
  return { world, client, count: count - 1 }
}

function wait(world: FrontWorld, count: number): void {
  for (let i = 0; i < count; i++) world.pass(tickMs)
}

test.each([-1, 1])('a batch that finds no room in time is answered with REQUEST_TIMED_OUT, not sooner, with acks=%i', (acks) => {
  const { world, client, count } = fullWorld()
  const other = world.client()
  other.produce(0, batch(count + 1), { timeoutMs, acks })
  wait(world, ticks)
  expect([client.answered.length, other.answered.length]).toEqual([count, 0])
  wait(world, 1)
  expect(outcome(client, count)).toEqual([[timedOut, -1]])
  expect(outcome(other, 0)).toEqual([[timedOut, -1]])
})

test('with room again each batch is appended once and in order, and a retry returns its offset', () => {
  const { world, client, count } = fullWorld()
  for (let n = count + 1; n < count + 4; n++) client.produce(n, batch(n), { timeoutMs })
  wait(world, ticks + 1)
  expect(client.answered.length).toBe(count + 4)
  // In the order of the batches, as a producer retries after a time-out.
  for (let n = count; n < count + 4; n++) client.produce(100 + n, batch(n), { timeoutMs })
  world.settle()
  expect(client.answered.length).toBe(count + 4)
  expect(world.held).toBe(8)
  world.lane.trim(world.lane.durable)
  world.settle()
  expect(client.answered.length).toBe(count + 8)
  for (let i = 0; i < 4; i++) expect(outcome(client, count + 4 + i)).toEqual([[0, count + i]])
  expect(world.lane.command({ type: 'offsets', partitionId: 1 })).toMatchObject({ highWatermark: count + 4 })
  expect(world.held).toBe(0)
})

test('a batch that is sequenced and not durable in time is too late as well, and durable in the end', () => {
  const world = new FrontWorld()
  const client = world.client()
  client.produce(0, batch(0), { timeoutMs })
  world.run()
  for (let i = 0; i <= ticks; i++) {
    for (const [id, { wake }] of [...world.timers]) {
      world.timers.delete(id)
      wake()
    }
    world.run()
  }
  expect(outcome(client, 0)).toEqual([[timedOut, 0]])
  client.produce(1, batch(0), { timeoutMs })
  world.run()
  expect(client.answered).toEqual([0])
  world.settle()
  expect(outcome(client, 1)).toEqual([[0, 0]])
  expect(world.lane.command({ type: 'offsets', partitionId: 1 })).toMatchObject({ highWatermark: 1 })
})

test('of a request of several batches, the durable ones are acknowledged', () => {
  const world = new FrontWorld({ log: 1 << 20, capacity: 1 << 20 })
  const client = world.client()
  const partitionData = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0].map((index) => ({ index, records: batchOf(1, batchBytes) }))
  client.call(ProduceRequest, 11, 1, { acks: -1, timeoutMs, topicData: [{ name: 't', topicId: 'AAAAAAAAAAAAAAAAAAAAAA', partitionData }] })
  world.settle()
  wait(world, ticks + 1)
  const answers = outcome(client, 0)
  const stored = answers.filter(([error]) => error === 0).length
  expect(stored).toBeGreaterThan(0)
  expect(answers).toEqual(answers.map((_, i) => (i < stored ? [0, i] : [timedOut, -1])))
  expect(stored).toBeLessThan(12)
})

test('a request with acks=0 does not block later ones', () => {
  const { world, count } = fullWorld()
  const other = world.client()
  other.produce(1, batch(count + 1), { acks: 0, timeoutMs })
  other.call(ApiVersionsRequest, 3, 2, {})
  wait(world, ticks)
  expect(world.forwarded.length).toBe(0)
  wait(world, 1)
  expect([world.forwarded.length, other.closed]).toEqual([1, undefined])
})

test('a request with a timeout of 0 waits a second, as writes do', () => {
  const { world, count } = fullWorld()
  const other = world.client()
  other.produce(1, batch(count + 1), { timeoutMs: 0 })
  wait(world, 4)
  expect(other.answered).toEqual([])
  wait(world, 1)
  expect(outcome(other, 0)).toEqual([[timedOut, -1]])
})

test('a closed connection releases all its resources once there is room', () => {
  const { world, client, count } = fullWorld()
  wait(world, ticks + 1)
  client.produce(100, batch(count), { timeoutMs })
  world.dispatcher.disconnect(client.queue)
  wait(world, 2 * ticks)
  world.lane.trim(world.lane.durable)
  world.settle()
  expect(world.held).toBe(0)
  wait(world, 2)
  expect(world.timers.size).toBe(0)
  // Tokens of requests that timed out are reused.
  const other = world.client()
  for (let n = 0; n < 5; n++) other.produce(n, batch(count + 1 + n), { timeoutMs })
  world.settle()
  expect(other.answered).toEqual([0, 1, 2, 3, 4])
})

test('batches wait in the socket when the receive buffers have no room for them, and other requests continue', () => {
  const { world, client, count } = fullWorld()
  world.heldMax = 2
  const [second, third, reader] = [world.client(), world.client(), world.client()]
  second.produce(1, batch(count + 1), { timeoutMs })
  third.produce(1, batch(count + 2), { timeoutMs })
  expect([second.waiting.length, third.waiting.length]).toEqual([0, 1])
  reader.fetch(1, 0n)
  reader.call(ApiVersionsRequest, 3, 2, {})
  world.settle()
  expect([reader.answered, world.forwarded.length]).toEqual([[1], 1])
  wait(world, ticks + 1)
  expect([client.answered.length, second.answered.length, third.waiting.length]).toEqual([count + 1, 1, 1])
  world.lane.trim(world.lane.durable)
  world.settle()
  expect(outcome(third, 0)).toEqual([[0, count + 2]])
})
