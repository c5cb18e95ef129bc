import { describe, expect, test } from 'vitest'
import { errors } from '../../../../src/wire/errors.ts'
import { batchHeader } from '../../../../src/wire/record-batch.ts'
import { batchOf, filled, LaneWorld } from './lane-world.ts'

const kib = 1024

const offsetsOf = (slices: readonly Buffer[]): number[] => slices.map((slice) => Number(slice.readBigInt64BE(batchHeader.baseOffset)))

describe('sequencer fetch: a fetch', () => {
  test('returns whole batches, the first with its offset inside', () => {
    const world = filled(5)
    world.fetch(3, [{ partitionId: 1, offset: 14 }])
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
    world.fetch(1, [{ partitionId: 1, offset: 0 }])
    world.turn()
    const [slice] = world.fetched()[0]!.parts[0]!.slices
    batch.writeInt32BE(5, batchHeader.partitionLeaderEpoch)
    expect(slice!.equals(batch)).toBe(true)
  })

  test('sees nothing that is not durable', () => {
    const world = filled(1)
    world.append(1, batchOf(10, 200))
    world.turn()
    world.fetch(1, [{ partitionId: 1, offset: 0 }])
    world.fetch(2, [{ partitionId: 1, offset: 10 }])
    world.fetch(3, [{ partitionId: 1, offset: 20 }])
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
    [{ offset: -1, leaderEpoch: 6 }, errors.UNKNOWN_LEADER_EPOCH],
    [{ offset: -1 }, errors.OFFSET_OUT_OF_RANGE],
    [{ offset: 0, lastFetchedEpoch: 6 }, errors.OFFSET_OUT_OF_RANGE],
    [{ offset: 0, partitionId: 77 }, errors.UNKNOWN_TOPIC_OR_PARTITION],
  ])('of %o is answered at once, with an error and nothing else', (partitionRead, error) => {
    const world = filled(5)
    world.fetch(1, [{ partitionId: 1, ...partitionRead }], { wait: true, minBytes: 1 << 20 })
    world.turn()
    const [answer] = world.fetched()
    expect(answer!.parts).toMatchObject([{ error: error.code, highWatermark: -1, logStartOffset: -1, slices: [], ranges: [] }])
    expect(answer!.pin).toBe(-1)
  })

  test('from a batch on that is not durable has no records, and leaves the answers after it whole', () => {
    const world = new LaneWorld()
    world.open(1)
    for (let i = 0; i < 8; i++) world.append(1, batchOf(10, 1000))
    world.turn()
    world.fetch(1, [{ partitionId: 1, offset: 75 }])
    world.fetch(2, [{ partitionId: 1, offset: 0 }])
    world.turn()
    expect(world.fetched().map(({ request, parts }) => [request, parts.length, parts[0]!.where])).toEqual([
      [1, 1, 'none'],
      [2, 1, 'none'],
    ])
  })

  test('beyond the end of the epoch that its client fetched last returns that end at once', () => {
    const world = filled(5)
    world.fetch(1, [{ partitionId: 1, offset: 51, lastFetchedEpoch: 5 }], { wait: true, minBytes: 1 << 20 })
    world.fetch(2, [{ partitionId: 1, offset: 40, lastFetchedEpoch: 5 }])
    world.turn()
    const [behind, within] = world.fetched()
    expect(behind!.parts).toMatchObject([{ error: 0, where: 'diverged', leaderEpoch: 5, highWatermark: 50, slices: [] }])
    expect(within!.parts).toMatchObject([{ error: 0, where: 'hot' }])
  })

  test('below the log start is out of range, and inside the batch that holds it is not', () => {
    const world = filled(5)
    world.command({ type: 'trim', partitionId: 1, offset: 14 })
    world.fetch(1, [{ partitionId: 1, offset: 13 }])
    world.fetch(2, [{ partitionId: 1, offset: 14, maxBytes: 1 }])
    world.turn()
    const [below, at] = world.fetched()
    expect(below!.parts[0]!.error).toBe(errors.OFFSET_OUT_OF_RANGE.code)
    expect(at!.parts[0]).toMatchObject({ error: 0, logStartOffset: 14 })
    expect(offsetsOf(at!.parts[0]!.slices)).toEqual([10])
  })

  test('returns its first batch whole regardless of limits, and of the others what they allow', () => {
    const world = filled(5)
    world.open(2)
    for (let i = 0; i < 3; i++) world.append(2, batchOf(1, 500))
    world.settle().answers()
    world.fetch(1, [
      { partitionId: 1, offset: 0, maxBytes: 10 },
      { partitionId: 2, offset: 0, maxBytes: 10 },
    ])
    world.fetch(
      2,
      [
        { partitionId: 1, offset: 0, maxBytes: 5 * kib },
        { partitionId: 2, offset: 0 },
      ],
      { maxBytes: 4600 },
    )
    world.fetch(3, [
      { partitionId: 1, offset: 50 },
      { partitionId: 2, offset: 0, maxBytes: 1 },
    ])
    world.fetch(4, [{ partitionId: 1, offset: 0 }], { maxBytes: 0 })
    world.turn()
    const got = world.fetched().map(({ parts }) => parts.map(({ slices }) => slices.length))
    expect(got).toEqual([[1, 0], [2, 1], [0, 1], [1]])
  })

  test('of several partitions has a response for each, in the order of the request', () => {
    const world = filled(2)
    world.open(2)
    world.append(2, batchOf(1, 500))
    world.settle().answers()
    world.fetch(1, [
      { partitionId: 2, offset: 0 },
      { partitionId: 3, offset: 0 },
      { partitionId: 1, offset: 10 },
      { partitionId: 2, offset: 1 },
    ])
    world.turn()
    const [answer] = world.fetched()
    expect(answer!.parts.map(({ partitionId, error, where }) => [partitionId, error, where])).toEqual([
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
    world.fetch(1, [{ partitionId: 1, offset: 0 }])
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
    world.fetch(1, [{ partitionId: 1, offset: 3, maxBytes: 150 * kib }])
    world.turn()
    const [warm] = world.fetched()
    expect(warm!.parts[0]!.where).toBe('warm')
    expect(warm!.pin).toBe(-1)
    expect(warm!.parts[0]!.ranges.map(({ position, bytes }) => position + bytes)).toEqual(
      places.slice(3, 3 + warm!.parts[0]!.ranges.length),
    )
    world.trim(places[9]!)
    world.fetch(2, [
      { partitionId: 1, offset: 3, maxBytes: 7000 },
      { partitionId: 1, offset: 12, maxBytes: 7000 },
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
    world.fetch(1, [{ partitionId: 1, offset: 4, maxBytes: 130 * kib }])
    world.turn()
    const [answer] = world.fetched()
    expect(answer!.parts[0]!.where).toBe('hot')
    const address = world.memory.address(world.partitions.get(1)!.index.position(4))
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
      { partitionId: 1, offset: 0 },
      { partitionId: 2, offset: 8 },
    ])
    world.turn()
    const [answer] = world.fetched()
    expect(answer!.parts[0]!.slices.length).toBeGreaterThan(0)
    expect(world.memory.pinned).toBeLessThan(200 * kib)
  })
})

describe('sequencer fetch: a fetch that waits', () => {
  test('is woken when enough is durable, and not before', () => {
    const world = filled(1)
    world.fetch(1, [{ partitionId: 1, offset: 10 }], { wait: true, minBytes: 1 })
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

  test('waits for its minimum of bytes, however often other fetches begin to wait', () => {
    const world = filled(1)
    world.fetch(1, [{ partitionId: 1, offset: 10 }], { wait: true, minBytes: 2000 })
    world.turn()
    for (let i = 0; i < 4; i++) {
      world.append(1, batchOf(1, 400))
      world.turn()
      world.fetch(10 + i, [{ partitionId: 1, offset: 10 }], { wait: true, minBytes: 1 << 20 })
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
    world.fetch(1, [{ partitionId: 1, offset: 10, maxBytes: 500 }], { wait: true, minBytes: 2000 })
    world.turn()
    for (let i = 0; i < 10; i++) world.append(1, batchOf(1, 400))
    world.settle()
    expect(world.fetched()).toEqual([])
  })

  test('begins to wait while what it waits for is on its way', () => {
    const world = filled(1)
    world.append(1, batchOf(1, 400))
    world.turn()
    world.fetch(1, [{ partitionId: 1, offset: 10 }], { wait: true })
    world.turn()
    expect(world.fetched()).toEqual([])
    world.settle()
    expect(world.fetched().length).toBe(1)
  })

  test('is answered with what is there when its time is over, and only once', () => {
    const world = filled(1)
    world.fetch(1, [{ partitionId: 1, offset: 10 }], { wait: true, minBytes: 1 << 20 })
    world.append(1, batchOf(1, 400))
    world.settle()
    expect(world.fetched()).toEqual([])
    world.expire(1)
    world.expire(1)
    world.settle()
    const answers = world.fetched()
    expect(answers.length).toBe(1)
    expect(answers[0]!.parts[0]!.slices.length).toBe(1)
    for (const partition of world.partitions.values()) expect(partition.waiting.size).toBe(0)
  })

  test('returns at once when its partition is deleted, or trimmed beyond its offset', () => {
    const world = filled(2)
    world.open(2)
    world.fetch(1, [{ partitionId: 2, offset: 0 }], { wait: true })
    world.fetch(
      2,
      [
        { partitionId: 1, offset: 20 },
        { partitionId: 2, offset: 0 },
      ],
      { wait: true },
    )
    world.turn()
    expect(world.fetched()).toEqual([])
    world.command({ type: 'close', partitionIds: [2] })
    expect(world.fetched().map(({ request, parts }) => [request, parts.at(-1)!.error])).toEqual([
      [1, errors.UNKNOWN_TOPIC_OR_PARTITION.code],
      [2, errors.UNKNOWN_TOPIC_OR_PARTITION.code],
    ])
  })

  test('is woken later when the answers did not fit', () => {
    const world = new LaneWorld({ answerWords: 256 })
    world.open(1)
    world.open(2)
    for (let i = 0; i < 60; i++) world.fetch(i, [{ partitionId: 1, offset: 0 }], { wait: true })
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
