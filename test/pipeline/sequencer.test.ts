import { describe, expect, test } from 'vitest'
import { below, chance, prng } from '../../src/base/prng.ts'
import { errors } from '../../src/wire/errors.ts'
import { batchHeader } from '../../src/wire/record-batch.ts'
import { batchOf, LaneWorld, now } from './lane-world.ts'

const kib = 1024

/** A lane that has one stream with `count` batches of ten records, and room in front of them so that they are hot. */
function filled(count: number, bytes = 2 * kib): LaneWorld {
  const world = new LaneWorld()
  world.open(9)
  for (let i = 0; i < 2; i++) world.append(9, batchOf(1, 60 * kib))
  world.open(1)
  for (let i = 0; i < count; i++) world.append(1, batchOf(10, bytes))
  world.settle().answers()
  return world
}

const offsetsOf = (slices: readonly Buffer[]): number[] => slices.map((slice) => Number(slice.readBigInt64BE(batchHeader.baseOffset)))

describe('an append', () => {
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

  test('to a stream that is not open is refused', () => {
    const world = new LaneWorld()
    world.append(4, batchOf(1, 100))
    world.settle()
    expect(world.appended()).toMatchObject([{ error: errors.UNKNOWN_TOPIC_OR_PARTITION.code, baseOffset: -1, durableAt: 0 }])
  })

  test('that is refused rings the network worker, and not before the answer can be seen', () => {
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
    // The disk is done before the sequencer hears of it: nobody else would wake who waits for the second answer.
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
    for (let i = 0; i < 10; i++) world.fetch(i, [{ stream: 1, offset: 0 }])
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

  test('waits while the log is full, and goes on when it is trimmed', () => {
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

describe('a fetch', () => {
  test('returns whole batches, the first with its offset inside', () => {
    const world = filled(5)
    world.fetch(3, [{ stream: 1, offset: 14 }])
    world.turn()
    const [answer] = world.fetched()
    expect(answer).toMatchObject({ request: 3, parts: [{ error: 0, where: 'hot', highWatermark: 50, logStartOffset: 0, leaderEpoch: 5 }] })
    expect(offsetsOf(answer!.parts[0]!.slices)).toEqual([10, 20, 30, 40])
    for (const slice of answer!.parts[0]!.slices) expect(slice.readInt32BE(batchHeader.batchLength) + 12).toBe(slice.length)
  })

  test('returns what was appended, but for its offset and leader epoch', () => {
    const world = filled(0)
    const batch = batchOf(4, 3 * kib)
    world.append(1, batch)
    world.settle().answers()
    world.fetch(1, [{ stream: 1, offset: 0 }])
    world.turn()
    const [slice] = world.fetched()[0]!.parts[0]!.slices
    batch.writeInt32BE(5, batchHeader.partitionLeaderEpoch)
    expect(slice!.equals(batch)).toBe(true)
  })

  test('sees nothing that is not durable', () => {
    const world = filled(1)
    world.append(1, batchOf(10, 200))
    world.turn()
    world.fetch(1, [{ stream: 1, offset: 0 }])
    world.fetch(2, [{ stream: 1, offset: 10 }])
    world.fetch(3, [{ stream: 1, offset: 20 }])
    world.turn()
    const answers = world.fetched()
    expect(answers[0]!.parts[0]).toMatchObject({ highWatermark: 10, error: 0 })
    expect(offsetsOf(answers[0]!.parts[0]!.slices)).toEqual([0])
    expect(answers[1]!.parts[0]).toMatchObject({ error: 0, where: 'none' })
    expect(answers[2]!.parts[0]).toMatchObject({ error: 0, where: 'none', highWatermark: 10 })
  })

  test.each([
    [{ offset: 51 }, errors.OFFSET_OUT_OF_RANGE],
    [{ offset: 0, leaderEpoch: 4 }, errors.FENCED_LEADER_EPOCH],
    [{ offset: 0, leaderEpoch: 6 }, errors.UNKNOWN_LEADER_EPOCH],
    [{ offset: 99, leaderEpoch: 4 }, errors.FENCED_LEADER_EPOCH],
    [{ offset: 0, stream: 77 }, errors.UNKNOWN_TOPIC_OR_PARTITION],
  ])('of %o is answered at once, with an error and nothing else', (wish, error) => {
    const world = filled(5)
    world.fetch(1, [{ stream: 1, ...wish }], { wait: true, minBytes: 1 << 20 })
    world.turn()
    const [answer] = world.fetched()
    expect(answer!.parts).toMatchObject([{ error: error.code, highWatermark: -1, logStartOffset: -1, slices: [], ranges: [] }])
    expect(answer!.pin).toBe(-1)
  })

  test('below the log start is out of range, and inside the batch that holds it is not', () => {
    const world = filled(5)
    world.command({ type: 'trim', stream: 1, offset: 14 })
    world.fetch(1, [{ stream: 1, offset: 13 }])
    world.fetch(2, [{ stream: 1, offset: 14, maxBytes: 1 }])
    world.turn()
    const [below, at] = world.fetched()
    expect(below!.parts[0]!.error).toBe(errors.OFFSET_OUT_OF_RANGE.code)
    expect(at!.parts[0]).toMatchObject({ error: 0, logStartOffset: 14 })
    expect(offsetsOf(at!.parts[0]!.slices)).toEqual([10])
  })

  test('gets its first batch whole whatever the limits say, and of the others what they allow', () => {
    const world = filled(5)
    world.open(2)
    for (let i = 0; i < 3; i++) world.append(2, batchOf(1, 500))
    world.settle().answers()
    world.fetch(1, [
      { stream: 1, offset: 0, maxBytes: 10 },
      { stream: 2, offset: 0, maxBytes: 10 },
    ])
    world.fetch(
      2,
      [
        { stream: 1, offset: 0, maxBytes: 5 * kib },
        { stream: 2, offset: 0 },
      ],
      { maxBytes: 4600 },
    )
    world.fetch(3, [
      { stream: 1, offset: 50 },
      { stream: 2, offset: 0, maxBytes: 1 },
    ])
    world.fetch(4, [{ stream: 1, offset: 0 }], { maxBytes: 0 })
    world.turn()
    const got = world.fetched().map(({ parts }) => parts.map(({ slices }) => slices.length))
    expect(got).toEqual([[1, 0], [2, 1], [0, 1], [1]])
  })

  test('of several partitions has an answer for each, in the order asked', () => {
    const world = filled(2)
    world.open(2)
    world.append(2, batchOf(1, 500))
    world.settle().answers()
    world.fetch(1, [
      { stream: 2, offset: 0 },
      { stream: 3, offset: 0 },
      { stream: 1, offset: 10 },
      { stream: 2, offset: 1 },
    ])
    world.turn()
    const [answer] = world.fetched()
    expect(answer!.parts.map(({ stream, error, where }) => [stream, error, where])).toEqual([
      [2, 0, 'hot'],
      [3, errors.UNKNOWN_TOPIC_OR_PARTITION.code, 'none'],
      [1, 0, 'hot'],
      [2, 0, 'none'],
    ])
  })

  test('of a log that has only begun is served from memory', () => {
    const world = new LaneWorld()
    world.open(1)
    world.append(1, batchOf(1, 100))
    world.settle().answers()
    world.fetch(1, [{ stream: 1, offset: 0 }])
    world.turn()
    expect(world.fetched()[0]!.parts[0]!.where).toBe('hot')
  })

  test('is sent to the file for what memory is about to lose, and to the store for what the log has lost', () => {
    const world = new LaneWorld()
    world.open(1)
    const places: number[] = []
    for (let i = 0; i < 40; i++) {
      world.append(1, batchOf(1, 50 * kib))
      world.settle()
      places.push(world.appended()[0]!.durableAt)
    }
    world.fetch(1, [{ stream: 1, offset: 3, maxBytes: 150 * kib }])
    world.turn()
    const [warm] = world.fetched()
    expect(warm!.parts[0]!.where).toBe('warm')
    expect(warm!.pin).toBe(-1)
    expect(warm!.parts[0]!.ranges.map(({ position, bytes }) => position + bytes)).toEqual(
      places.slice(3, 3 + warm!.parts[0]!.ranges.length),
    )
    world.trim(places[9]!)
    world.fetch(2, [
      { stream: 1, offset: 3, maxBytes: 7000 },
      { stream: 1, offset: 12, maxBytes: 7000 },
    ])
    world.turn()
    const [cold] = world.fetched()
    expect(cold!.parts[0]).toMatchObject({ where: 'cold', allowance: 7000, highWatermark: 40 })
    expect(cold!.parts[1]).toMatchObject({ where: 'none' })
  })

  test('keeps what it was given until it is released', () => {
    const world = new LaneWorld()
    world.open(1)
    for (let i = 0; i < 8; i++) world.append(1, batchOf(1, 60 * kib))
    world.settle().answers()
    world.fetch(1, [{ stream: 1, offset: 4, maxBytes: 130 * kib }])
    world.turn()
    const [answer] = world.fetched()
    expect(answer!.parts[0]!.where).toBe('hot')
    const address = world.memory.address(world.streams.get(1)!.index.position(4))
    for (let i = 0; i < 60; i++) {
      world.append(1, batchOf(1, 30 * kib))
      world.settle().answers()
      const { length } = answer!.parts[0]!.slices[0]!
      expect(world.arena.bytes.subarray(address, address + length).equals(answer!.parts[0]!.slices[0]!)).toBe(true)
    }
    world.release(answer!.pin)
    world.turn()
    expect(world.memory.pinned).toBe(0)
  })

  test('of partitions that lie far apart does not pin all that lies between', () => {
    const world = new LaneWorld()
    world.open(1)
    world.open(2)
    world.append(2, batchOf(1, 90 * kib))
    world.append(1, batchOf(1, 500))
    for (let i = 0; i < 8; i++) world.append(2, batchOf(1, 60 * kib))
    world.append(1, batchOf(1, 500))
    world.settle().answers()
    world.fetch(1, [
      { stream: 1, offset: 0 },
      { stream: 2, offset: 8 },
    ])
    world.turn()
    const [answer] = world.fetched()
    expect(answer!.parts[0]!.slices.length).toBeGreaterThan(0)
    expect(world.memory.pinned).toBeLessThan(200 * kib)
  })
})

describe('a fetch that waits', () => {
  test('is woken when enough is durable, and not before', () => {
    const world = filled(1)
    world.fetch(1, [{ stream: 1, offset: 10 }], { wait: true, minBytes: 1 })
    world.turn()
    expect(world.fetched()).toEqual([])
    world.append(1, batchOf(10, 300))
    world.turn()
    expect(world.fetched()).toEqual([])
    world.write()
    world.rung.length = 0
    world.turn()
    expect(world.rung).toContain(true)
    const [answer] = world.fetched()
    expect(offsetsOf(answer!.parts[0]!.slices)).toEqual([10])
  })

  test('waits for as much as it asked for, however often others begin to wait', () => {
    const world = filled(1)
    world.fetch(1, [{ stream: 1, offset: 10 }], { wait: true, minBytes: 2000 })
    world.turn()
    for (let i = 0; i < 4; i++) {
      world.append(1, batchOf(1, 400))
      world.turn()
      world.fetch(10 + i, [{ stream: 1, offset: 10 }], { wait: true, minBytes: 1 << 20 })
      world.settle()
      expect(world.fetched()).toEqual([])
    }
    for (let i = 0; i < 2; i++) world.append(1, batchOf(1, 400))
    world.settle()
    const answers = world.fetched()
    expect(answers.map(({ request }) => request)).toEqual([1])
    expect(answers[0]!.parts[0]!.slices.reduce((sum, slice) => sum + slice.length, 0)).toBeGreaterThanOrEqual(2000)
  })

  test('counts of each partition no more than it may have of it', () => {
    const world = filled(1)
    world.fetch(1, [{ stream: 1, offset: 10, maxBytes: 500 }], { wait: true, minBytes: 2000 })
    world.turn()
    for (let i = 0; i < 10; i++) world.append(1, batchOf(1, 400))
    world.settle()
    expect(world.fetched()).toEqual([])
  })

  test('begins to wait while what it waits for is on its way', () => {
    const world = filled(1)
    world.append(1, batchOf(1, 400))
    world.turn()
    world.fetch(1, [{ stream: 1, offset: 10 }], { wait: true })
    world.turn()
    expect(world.fetched()).toEqual([])
    world.settle()
    expect(world.fetched().length).toBe(1)
  })

  test('is answered with what is there when its time is over, and only once', () => {
    const world = filled(1)
    world.fetch(1, [{ stream: 1, offset: 10 }], { wait: true, minBytes: 1 << 20 })
    world.append(1, batchOf(1, 400))
    world.settle()
    expect(world.fetched()).toEqual([])
    world.expire(1)
    world.expire(1)
    world.settle()
    const answers = world.fetched()
    expect(answers.length).toBe(1)
    expect(answers[0]!.parts[0]!.slices.length).toBe(1)
    for (const stream of world.streams.values()) expect(stream.waiting.size).toBe(0)
  })

  test('learns at once that its partition is gone, or starts behind it', () => {
    const world = filled(2)
    world.open(2)
    world.fetch(1, [{ stream: 2, offset: 0 }], { wait: true })
    world.fetch(
      2,
      [
        { stream: 1, offset: 20 },
        { stream: 2, offset: 0 },
      ],
      { wait: true },
    )
    world.turn()
    expect(world.fetched()).toEqual([])
    world.command({ type: 'close', streams: [2] })
    expect(world.fetched().map(({ request, parts }) => [request, parts.at(-1)!.error])).toEqual([
      [1, errors.UNKNOWN_TOPIC_OR_PARTITION.code],
      [2, errors.UNKNOWN_TOPIC_OR_PARTITION.code],
    ])
  })

  test('is woken later when the answers did not fit', () => {
    const world = new LaneWorld({ answerWords: 256 })
    world.open(1)
    world.open(2)
    for (let i = 0; i < 60; i++) world.fetch(i, [{ stream: 1, offset: 0 }], { wait: true })
    world.turn()
    world.append(1, batchOf(1, 200), 99)
    world.settle()
    const seen = new Map<number, number>()
    for (let i = 0; i < 20; i++) {
      for (const { request } of world.fetched()) seen.set(request, (seen.get(request) ?? 0) + 1)
      world.settle()
    }
    expect([...seen.values()].every((times) => times === 1)).toBe(true)
    expect(seen.size).toBe(60)
  })
})

test.each(Array.from({ length: 25 }, (_, seed) => seed))(
  'every append and every fetch is answered exactly once, and truly, seed %i',
  (seed) => {
    const p = prng(seed)
    const world = new LaneWorld({ answerWords: [1 << 14, 1 << 16, 1 << 18][seed % 3]!, capacity: 2 << 20 })
    const streams = [1, 2, 3]
    for (const stream of streams) world.open(stream)
    const sent = new Map<number, Buffer[]>(streams.map((stream) => [stream, []]))
    const fetches = new Map<number, { stream: number; offset: number }>()
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
          const expected = Buffer.from(sent.get(asked!.stream)![offset]!)
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
        const stream = streams[below(p, streams.length)]!
        const batch = batchOf(1, chance(p, 50) ? 40 * kib : 100 + below(p, 4 * kib))
        sent.get(stream)!.push(batch)
        appends.set(++request, stream)
        world.append(stream, batch, request)
      }
      if (fetches.size < 20 && chance(p, 300)) {
        const stream = streams[below(p, streams.length)]!
        const { settled, index } = world.streams.get(stream)!
        const offset = index.length === 0 ? 0 : index.base(0) + below(p, settled + 1)
        fetches.set(++request, { stream, offset })
        world.fetch(request, [{ stream, offset, maxBytes: 20 * kib }], { wait: chance(p, 600), minBytes: 1 + below(p, 8 * kib) })
      }
      if (chance(p, 50)) for (const id of fetches.keys()) world.expire(id)
      if (chance(p, 500)) world.turn()
      if (chance(p, 300)) world.write()
      if (chance(p, 300)) hear()
      if (chance(p, 200)) for (const pin of pins.splice(0, 3)) world.release(pin)
      if (chance(p, 100) && world.durable > 1 << 20) {
        const { index } = world.streams.get(1)!
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
  },
)

test('commands answer for the durable part of a stream', () => {
  const world = filled(3)
  world.append(1, batchOf(5, 300))
  world.turn()
  expect(world.command({ type: 'offsets', stream: 1 })).toEqual({ type: 'offsets', logStart: 0, highWatermark: 30, leaderEpoch: 5 })
  expect(world.command({ type: 'offsets', stream: 44 })).toEqual({ type: 'unknown' })
  world.settle()
  expect(world.command({ type: 'offsets', stream: 1 })).toMatchObject({ highWatermark: 35 })
  expect(world.command({ type: 'find', stream: 1, timestamp: now, from: 0 })).toMatchObject({ place: { baseOffset: 0 } })
  expect(world.command({ type: 'find', stream: 1, timestamp: now + 1, from: 0 })).toMatchObject({ place: undefined })
  world.command({ type: 'trim', stream: 1, offset: 12 })
  world.command({ type: 'trim', stream: 1, offset: 3 })
  expect(world.command({ type: 'offsets', stream: 1 })).toMatchObject({ logStart: 12 })
  expect(world.command({ type: 'find', stream: 1, timestamp: 0, from: 0 })).toMatchObject({ place: { baseOffset: 10 } })
  expect(world.command({ type: 'findMax', stream: 1 })).toMatchObject({ place: { baseOffset: 10 } })
  world.command({ type: 'close', streams: [1] })
  expect(world.command({ type: 'offsets', stream: 1 })).toEqual({ type: 'unknown' })
})
