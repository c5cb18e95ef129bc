import { describe, expect, test } from 'vitest'
import { FetchSessions, sessionPartitionsMax, type Wanted } from '../../../src/network/fetch-session.ts'
import { errors } from '../../../src/wire/errors.ts'

const wanted = (partition: number, offset = 0n, topic = 't'): Wanted => ({
  topic,
  topicId: '',
  partition,
  offset,
  maxBytes: 100,
  leaderEpoch: -1,
  lastFetchedEpoch: -1,
})
const request = (id: number, epoch: number, partitions: Wanted[] = [], forgotten: number[] = [], byId = false) => ({
  id,
  epoch,
  byId,
  partitions,
  forgotten: forgotten.length > 0 ? [{ topic: 't', topicId: '', partitions: forgotten }] : [],
})

function sessions(slots = 3): FetchSessions {
  let id = 0
  return new FetchSessions(slots, () => ++id)
}

const idOf = (found: ReturnType<FetchSessions['open']>): number => (found.type === 'error' ? -1 : (found.session?.id ?? 0))
const partitionsOf = (found: ReturnType<FetchSessions['open']>): number[] =>
  found.type === 'error' ? [] : found.partitions.map((p) => p.partition)

describe('fetch session: fetch sessions', () => {
  test('are created by epoch 0 and not by epoch -1', () => {
    const all = sessions()
    expect(idOf(all.open(request(0, -1, [wanted(0)]), 0))).toBe(0)
    expect(all.count).toBe(0)
    expect(idOf(all.open(request(0, 0, [wanted(0)]), 0))).toBe(1)
    expect(all.count).toBe(1)
  })

  test('add, change and remove partitions', () => {
    const all = sessions()
    all.open(request(0, 0, [wanted(0), wanted(1)]), 0)
    expect(partitionsOf(all.open(request(1, 1), 0))).toEqual([0, 1])
    const changed = all.open(request(1, 2, [wanted(2), wanted(1, 7n)]), 0)
    expect(partitionsOf(changed)).toEqual([0, 1, 2])
    expect(changed.type === 'incremental' && changed.partitions[1]!.offset).toBe(7n)
    expect(partitionsOf(all.open(request(1, 3, [], [0, 2]), 0))).toEqual([1])
  })

  test('remove a partition that a request both adds and forgets', () => {
    const all = sessions()
    all.open(request(0, 0, [wanted(0), wanted(1)]), 0)
    expect(partitionsOf(all.open(request(1, 1, [wanted(0, 5n)], [0]), 0))).toEqual([1])
  })

  test('are created for a request without partitions', () => {
    const all = sessions()
    expect(idOf(all.open(request(0, 0), 0))).toBe(1)
    expect(partitionsOf(all.open(request(1, 1, [wanted(3)]), 0))).toEqual([3])
  })

  test('end when they have no partitions', () => {
    const all = sessions()
    all.open(request(0, 0, [wanted(0)]), 0)
    expect(all.open(request(1, 1, [], [0]), 0)).toMatchObject({ type: 'full', session: undefined, partitions: [] })
    expect(all.count).toBe(0)
  })

  test('are closed by a full request that names them', () => {
    const all = sessions()
    all.open(request(0, 0, [wanted(0)]), 0)
    expect(idOf(all.open(request(1, 0, [wanted(0)]), 0))).toBe(2)
    expect(all.count).toBe(1)
    all.open(request(2, -1, [wanted(0)]), 0)
    expect(all.count).toBe(0)
  })

  test('reject an unknown id, a wrong epoch, and a change between names and ids', () => {
    const all = sessions()
    all.open(request(0, 0, [wanted(0)]), 0)
    expect(all.open(request(9, 1), 0)).toEqual({ type: 'error', error: errors.FETCH_SESSION_ID_NOT_FOUND.code })
    for (const epoch of [2, 5, -2])
      expect(all.open(request(1, epoch), 0)).toEqual({ type: 'error', error: errors.INVALID_FETCH_SESSION_EPOCH.code })
    expect(all.open(request(1, 1, [], [], true), 0)).toEqual({ type: 'error', error: errors.FETCH_SESSION_TOPIC_ID_ERROR.code })
    expect(all.open(request(1, 1), 0).type).toBe('incremental')
  })

  test('count epochs up to the largest number and continue with 1', () => {
    const all = sessions()
    const made = all.open(request(0, 0, [wanted(0)]), 0)
    if (made.type !== 'full') throw new Error('a full fetch context')
    made.session!.epoch = 0x7fff_ffff
    expect(all.open(request(1, 0x7fff_ffff), 0).type).toBe('incremental')
    expect(all.open(request(1, 1), 0).type).toBe('incremental')
  })

  test('are not created when every slot is in use, until one has not been used for two minutes', () => {
    const all = sessions(2)
    all.open(request(0, 0, [wanted(0)]), 0)
    all.open(request(0, 0, [wanted(0)]), 1000)
    expect(idOf(all.open(request(0, 0, [wanted(0)]), 60_000))).toBe(0)
    all.open(request(1, 1), 119_000)
    expect(idOf(all.open(request(0, 0, [wanted(0)]), 121_500))).toBe(3)
    expect(all.open(request(2, 1), 121_500)).toMatchObject({ type: 'error' })
    expect(all.open(request(1, 2), 121_500).type).toBe('incremental')
    expect(all.count).toBe(2)
    expect(idOf(sessions(0).open(request(0, 0, [wanted(0)]), 0))).toBe(0)
  })

  test('older than two minutes are evicted for a larger one, the smallest first, although they are in use', () => {
    const all = sessions(3)
    const sized = (count: number): Wanted[] => Array.from({ length: count }, (_, i) => wanted(i))
    for (const count of [3, 2, 4]) all.open(request(0, 0, sized(count)), 0)
    for (const id of [1, 2, 3]) all.open(request(id, 1), 100_000)
    expect(idOf(all.open(request(0, 0, sized(9)), 120_000))).toBe(0)
    expect(idOf(all.open(request(0, 0, sized(2)), 121_000))).toBe(0)
    // The second grows: the first is the smallest now.
    all.open(request(2, 2, sized(4)), 121_000)
    expect(idOf(all.open(request(0, 0, sized(4)), 121_000))).toBe(4)
    expect([1, 2, 3].map((id, i) => all.open(request(id, [2, 3, 2][i]!), 121_000).type)).toEqual(['error', 'incremental', 'incremental'])
    // The newest is too young to be evicted, the others are not smaller.
    expect(idOf(all.open(request(0, 0, sized(4)), 121_000))).toBe(0)
    expect(idOf(all.open(request(0, 0, sized(5)), 121_000))).toBe(5)
    expect(all.count).toBe(3)
  })

  test('move partitions with changes to the end', () => {
    const all = sessions()
    const made = all.open(request(0, 0, [wanted(0), wanted(1), wanted(2)]), 0)
    if (made.type !== 'full') throw new Error('a full fetch context')
    made.session!.rotate(made.session!.partitions.get('0:t:')!)
    expect(partitionsOf(all.open(request(1, 1), 0))).toEqual([1, 2, 0])
  })
})

describe('fetch sessions: partitions of all sessions together', () => {
  const many = (from: number, count: number, topic = 't'): Wanted[] => Array.from({ length: count }, (_, i) => wanted(from + i, 0n, topic))

  test('are limited: a fetch above the limit has no session', () => {
    const all = sessions(10)
    const half = sessionPartitionsMax / 2
    expect(idOf(all.open(request(0, 0, many(0, half)), 0))).toBe(1)
    expect(idOf(all.open(request(0, 0, many(0, half)), 0))).toBe(2)
    const third = all.open(request(0, 0, many(0, 3)), 0)
    expect([idOf(third), partitionsOf(third)]).toEqual([0, [0, 1, 2]])
    all.open(request(1, -1), 0)
    expect(idOf(all.open(request(0, 0, many(0, 3)), 0))).toBe(3)
  })

  test('a session that exceeds the limit ends, and its client begins another', () => {
    const all = sessions(10)
    expect(idOf(all.open(request(0, 0, many(0, sessionPartitionsMax - 5)), 0))).toBe(1)
    expect(all.open(request(1, 1, many(sessionPartitionsMax, 5), [1]), 0).type).toBe('incremental')
    expect(all.open(request(1, 2, many(2 * sessionPartitionsMax, 2)), 0)).toEqual({
      type: 'error',
      error: errors.FETCH_SESSION_ID_NOT_FOUND.code,
    })
    expect(all.count).toBe(0)
    expect(idOf(all.open(request(0, 0, many(0, sessionPartitionsMax)), 0))).toBe(2)
  })

  test('a name that is too long for a topic counts by its size', () => {
    const all = sessions(10)
    const long = 'x'.repeat(32_767)
    expect(idOf(all.open(request(0, 0, many(0, 2000, long)), 0))).toBe(0)
    expect(idOf(all.open(request(0, 0, many(0, 1000, long)), 0))).toBe(1)
  })
})
