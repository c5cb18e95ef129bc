import { expect, test } from 'vitest'
import type { Reply } from '../../../../src/ports/lane-commands.ts'
import { buildBatch } from '../../../../src/wire/batch-builder.ts'
import { LaneWorld, now } from './lane-world.ts'

const batchOf = (...values: string[]): Buffer =>
  buildBatch(values.map((value) => ({ timestamp: BigInt(now), key: Buffer.from('k'), value: Buffer.from(value) })))

/** Stages batches behind each other, and appends them as the main thread does. */
function appendAll(
  world: LaneWorld,
  batches: readonly { partitionId: number; leaderEpoch?: number; batch: Buffer }[],
): Extract<Reply, { type: 'appended' }> {
  const { bytes, plan } = world.arena
  let at = plan.lanes[0]!.staging.base
  const staged = batches.map(({ partitionId, leaderEpoch = 5, batch }) => {
    const address = at
    batch.copy(bytes, address)
    at = Math.ceil((at + batch.length) / 8) * 8
    return { partitionId, leaderEpoch, address, bytes: batch.length }
  })
  const reply = world.command({ type: 'append', now, batches: staged })
  if (reply.type !== 'appended') throw new Error(`found ${reply.type}`)
  return reply
}

test('main appends: batches of the main thread get the next offsets, in order, without another request', () => {
  const world = new LaneWorld()
  for (const partitionId of [1, 2]) world.open(partitionId)
  const { batches } = appendAll(world, [
    { partitionId: 1, batch: batchOf('a', 'b') },
    { partitionId: 2, batch: batchOf('c') },
    { partitionId: 1, batch: batchOf('d') },
  ])
  expect(batches.map(({ error, baseOffset }) => [error, baseOffset])).toEqual([
    [0, 0],
    [0, 0],
    [0, 2],
  ])
  expect(world.write()).toBeGreaterThan(0)
})

test('main appends: a batch for a partition that is not served, or a broken one, is rejected, and the others are not', () => {
  const world = new LaneWorld()
  world.open(1)
  const broken = batchOf('x')
  broken[broken.length - 1]! ^= 1
  const { batches } = appendAll(world, [
    { partitionId: 9, batch: batchOf('a') },
    { partitionId: 1, batch: broken },
    { partitionId: 1, batch: batchOf('b') },
  ])
  expect(batches.map(({ error, baseOffset }) => [error, baseOffset])).toEqual([
    [3, -1],
    [2, -1],
    [0, 0],
  ])
})

test('main appends: a batch of another leader epoch than that of the partition is rejected', () => {
  const world = new LaneWorld()
  world.open(1, {}, 6)
  const { batches } = appendAll(world, [
    { partitionId: 1, leaderEpoch: 5, batch: batchOf('a') },
    { partitionId: 1, leaderEpoch: 7, batch: batchOf('b') },
    { partitionId: 1, leaderEpoch: 6, batch: batchOf('c') },
  ])
  expect(batches.map(({ error, baseOffset }) => [error, baseOffset])).toEqual([
    [6, -1],
    [6, -1],
    [0, 0],
  ])
})

test('main appends: what finds no room is left out of the answer, and finds it once the disk has caught up', () => {
  const world = new LaneWorld({ log: 1 << 20 })
  world.open(1)
  const large = { partitionId: 1, batch: batchOf('x'.repeat(200_000)) }
  const first = appendAll(
    world,
    Array.from({ length: 8 }, () => large),
  )
  expect(first.batches.length).toBeLessThan(8)
  while (world.write() > 0);
  world.turn()
  expect(appendAll(world, [large]).batches).toHaveLength(1)
})

test('main appends: places are those of durable batches from the one that holds the offset on', () => {
  const world = new LaneWorld()
  world.open(1)
  appendAll(world, [
    { partitionId: 1, batch: batchOf('a', 'b') },
    { partitionId: 1, batch: batchOf('c', 'd') },
    { partitionId: 1, batch: batchOf('e') },
  ])
  const places = (from: number, bytesMax: number): number[] => {
    const reply = world.command({ type: 'places', partitionId: 1, from, bytesMax })
    return reply.type === 'places' ? reply.places.map((place) => place.baseOffset) : []
  }
  expect(places(0, 1 << 20)).toEqual([])
  while (world.write() > 0);
  world.turn()
  expect([places(0, 1 << 20), places(1, 1), places(3, 1 << 20), places(5, 1)]).toEqual([[0, 2, 4], [0], [2, 4], []])
})
