import { describe, expect, test } from 'vitest'
import { below, chance, prng } from '../../../../src/base/prng.ts'
import { errors } from '../../../../src/wire/errors.ts'
import { batchHeader } from '../../../../src/wire/record-batch.ts'
import { longIf } from '../../../support/long.ts'
import { batchOf, filled, LaneWorld, now } from './lane-world.ts'

const kib = 1024

describe('sequencer: an append', () => {
  test('is answered with its offset and the position that must be durable', () => {
    const world = new LaneWorld()
    world.open(1)
    world.append(1, batchOf(3, 500), 7)
    world.append(1, batchOf(2, 500), 8)
    world.settle()
    const [first, second] = world.appended()
    expect(first).toMatchObject({ request: 7, error: 0, baseOffset: 0, logStartOffset: 0, logAppendTime: -1 })
    expect(second).toMatchObject({ request: 8, error: 0, baseOffset: 3 })
    expect(second!.durableAt).toBeGreaterThan(first!.durableAt)
    expect(world.durable).toBeGreaterThanOrEqual(second!.durableAt)
    expect(world.counted).toMatchObject({ batches: 2, records: 5 })
  })

  test('to a partition that is not open is rejected', () => {
    const world = new LaneWorld()
    world.append(4, batchOf(1, 100))
    world.settle()
    expect(world.appended()).toMatchObject([{ error: errors.UNKNOWN_TOPIC_OR_PARTITION.code, baseOffset: -1, durableAt: 0 }])
  })

  test('that is rejected rings the network worker, and not before the answer can be seen', () => {
    const world = new LaneWorld()
    world.append(4, batchOf(1, 100))
    world.turn()
    expect(world.rung.length).toBeGreaterThan(0)
    expect(world.rung.every((seen) => seen)).toBe(true)
  })

  test('that was sent twice is there once, has its first offset, and rings although it waits for nothing new', () => {
    const world = new LaneWorld()
    world.open(1)
    const batch = batchOf(2, 300, { producerId: 5n, producerEpoch: 0, baseSequence: 0 })
    world.append(1, batch, 1)
    world.turn()
    // The disk completes before the sequencer is notified: no other event would wake the client that waits for the second response.
    world.write()
    world.append(1, batch, 2)
    world.rung.length = 0
    world.turn()
    expect(world.rung).toContain(true)
    const [first, second] = world.appended()
    expect(second).toMatchObject({ request: 2, error: 0, baseOffset: 0, durableAt: first!.durableAt })
    expect(world.counted).toMatchObject({ batches: 1, duplicates: 1 })
  })

  test('that was sent twice while it was on its way to the disk rings too', () => {
    const world = new LaneWorld()
    world.open(1)
    const batch = batchOf(2, 300, { producerId: 5n, producerEpoch: 0, baseSequence: 0 })
    world.append(1, batch, 1)
    world.turn()
    world.append(1, batch, 2)
    world.rung.length = 0
    world.turn()
    expect(world.rung).toContain(true)
  })

  test('waits while the answers do not fit, and loses none of them', () => {
    const world = new LaneWorld({ answerWords: 128 })
    world.open(1)
    for (let i = 0; i < 50; i++) world.append(1, batchOf(1, 100), i)
    world.turn()
    expect(world.sequencer.stalled).toBe(true)
    expect(world.sequencer.idle).toBe(true)
    const seen: number[] = []
    for (let i = 0; i < 100; i++) {
      world.settle()
      seen.push(...world.appended().map(({ request }) => request))
    }
    expect(seen).toEqual(Array.from({ length: 50 }, (_, i) => i))
  })

  test('and fetches that wait for room in the ring of answers let the thread sleep, until answers are taken', () => {
    const world = new LaneWorld({ answerWords: 64 })
    world.open(1)
    world.append(1, batchOf(1, 100))
    world.settle()
    world.appended()
    for (let i = 0; i < 10; i++) world.fetch(i, [{ partitionId: 1, offset: 0 }])
    world.turn()
    expect(world.turn()).toBe(0)
    expect(world.sequencer.idle).toBe(true)
    expect(world.isCrowded).toBe(true)
    const found = world.fetched().map(({ request }) => request)
    expect(found.length).toBeLessThan(10)
    expect(world.sequencer.idle).toBe(false)
    for (let i = 0; i < 10; i++) {
      world.turn()
      found.push(...world.fetched().map(({ request }) => request))
    }
    expect(found).toEqual(Array.from({ length: 10 }, (_, i) => i))
    expect([world.isCrowded, world.sequencer.idle]).toEqual([false, true])
  })

  test('waits while the log is full, and continues when it is trimmed', () => {
    const world = new LaneWorld({ log: 1 << 20, capacity: 1 << 20 })
    world.open(1)
    for (let i = 0; i < 24; i++) world.append(1, batchOf(1, 64 * kib), i)
    world.settle()
    expect(world.sequencer.stalled).toBe(true)
    const before = world.appended()
    expect(before.length).toBeLessThan(24)
    expect(world.sequencer.idle).toBe(true)
    world.trim(before[11]!.durableAt)
    expect(world.sequencer.idle).toBe(false)
    world.settle()
    expect(world.sequencer.stalled).toBe(false)
    expect([...before, ...world.appended()].map(({ request, baseOffset }) => [request, baseOffset])).toEqual(
      Array.from({ length: 24 }, (_, i) => [i, i]),
    )
  })

  test('makes a group with those that come while the disk is busy', () => {
    const world = new LaneWorld()
    world.open(1)
    world.isDiskBusy = true
    for (let i = 0; i < 5; i++) {
      world.append(1, batchOf(1, 100))
      world.turn()
      expect(world.write()).toBe(0)
    }
    world.isDiskBusy = false
    world.turn()
    expect(world.write()).toBe(4 * kib)
  })

  test('is handed over while the disk is busy when it is worth a write of its own', () => {
    const world = new LaneWorld()
    world.open(1)
    world.isDiskBusy = true
    for (let i = 0; i < 4; i++) {
      world.append(1, batchOf(1, 16 * kib))
      expect(world.write()).toBe(0)
      world.turn()
    }
    expect(world.write()).toBe(68 * kib)
  })
})

for (let seed = 0; seed < 25; seed++) {
  test(`sequencer: every append and every fetch is answered exactly once, and truly, seed ${seed}`, longIf(seed >= 12), () => {
    const p = prng(seed)
    const world = new LaneWorld({ answerWords: [1 << 14, 1 << 16, 1 << 18][seed % 3]!, capacity: 2 << 20 })
    const partitionIds = [1, 2, 3]
    for (const partitionId of partitionIds) world.open(partitionId)
    const sent = new Map<number, Buffer[]>(partitionIds.map((partitionId) => [partitionId, []]))
    const fetches = new Map<number, { partitionId: number; offset: number }>()
    const appends = new Map<number, number>()
    const pins: number[] = []
    let request = 0
    const hear = (): void => {
      for (const answer of world.answers()) {
        if (answer.type === 'appended') {
          expect(appends.delete(answer.request)).toBe(true)
          expect(answer.error).toBe(0)
          continue
        }
        const asked = fetches.get(answer.request)
        expect({ seed, request: answer.request, isKnown: asked !== undefined }).toMatchObject({ isKnown: true })
        fetches.delete(answer.request)
        if (answer.pin >= 0) pins.push(answer.pin)
        const [part] = answer.parts
        expect(part!.error).toBe(0)
        let offset = asked!.offset
        for (const slice of part!.slices) {
          const expected = Buffer.from(sent.get(asked!.partitionId)![offset]!)
          expected.writeBigInt64BE(BigInt(offset), batchHeader.baseOffset)
          expected.writeInt32BE(5, batchHeader.partitionLeaderEpoch)
          expect({ seed, offset, isSame: slice.equals(expected) }).toMatchObject({ isSame: true })
          offset++
        }
        expect(offset).toBeLessThanOrEqual(part!.highWatermark)
      }
    }
    for (let step = 0; step < 1500; step++) {
      if (appends.size < 100 && chance(p, 400)) {
        const partitionId = partitionIds[below(p, partitionIds.length)]!
        const batch = batchOf(1, chance(p, 50) ? 40 * kib : 100 + below(p, 4 * kib))
        sent.get(partitionId)!.push(batch)
        appends.set(++request, partitionId)
        world.append(partitionId, batch, request)
      }
      if (fetches.size < 20 && chance(p, 300)) {
        const partitionId = partitionIds[below(p, partitionIds.length)]!
        const { durableEntries, index } = world.partitions.get(partitionId)!
        const offset = index.length === 0 ? 0 : index.base(0) + below(p, durableEntries + 1)
        fetches.set(++request, { partitionId, offset })
        world.fetch(request, [{ partitionId, offset, maxBytes: 20 * kib }], { wait: chance(p, 600), minBytes: 1 + below(p, 8 * kib) })
      }
      if (chance(p, 50)) for (const id of fetches.keys()) world.expire(id)
      if (chance(p, 500)) world.turn()
      if (chance(p, 300)) world.write()
      if (chance(p, 300)) hear()
      if (chance(p, 200)) for (const pin of pins.splice(0, 3)) world.release(pin)
      if (chance(p, 100) && world.durable > 1 << 20) {
        const { index } = world.partitions.get(1)!
        if (index.length > 10) world.trim(Math.floor(Math.min(world.durable, index.position(index.length - 5)) / 4096) * 4096 - 4096 * 20)
      }
    }
    for (let i = 0; i < 60; i++) {
      world.settle()
      hear()
      for (const pin of pins.splice(0)) world.release(pin)
      for (const id of fetches.keys()) world.expire(id)
      world.trim(world.durable)
    }
    expect([appends.size, fetches.size, world.memory.pinned]).toEqual([0, 0, 0])
  })
}

test('sequencer: commands answer for the durable part of a partition', () => {
  const world = filled(3)
  world.append(1, batchOf(5, 300))
  world.turn()
  expect(world.command({ type: 'offsets', partitionId: 1 })).toEqual({ type: 'offsets', logStart: 0, highWatermark: 30, leaderEpoch: 5 })
  expect(world.command({ type: 'offsets', partitionId: 44 })).toEqual({ type: 'unknown' })
  world.settle()
  expect(world.command({ type: 'offsets', partitionId: 1 })).toMatchObject({ highWatermark: 35 })
  expect(world.command({ type: 'find', partitionId: 1, timestamp: now, from: 0 })).toMatchObject({ place: { baseOffset: 0 } })
  expect(world.command({ type: 'find', partitionId: 1, timestamp: now + 1, from: 0 })).toMatchObject({ place: undefined })
  world.command({ type: 'trim', partitionId: 1, offset: 12 })
  world.command({ type: 'trim', partitionId: 1, offset: 3 })
  expect(world.command({ type: 'offsets', partitionId: 1 })).toMatchObject({ logStart: 12 })
  expect(world.command({ type: 'find', partitionId: 1, timestamp: 0, from: 0 })).toMatchObject({ place: { baseOffset: 10 } })
  expect(world.command({ type: 'findMax', partitionId: 1, from: 0 })).toMatchObject({ place: { baseOffset: 10 } })
  world.command({ type: 'close', partitionIds: [1] })
  expect(world.command({ type: 'offsets', partitionId: 1 })).toEqual({ type: 'unknown' })
})
