import { describe, expect, test } from 'vitest'
import { below, chance, prng } from '../../../src/base/prng.ts'
import { ProducerState, sequenceAfter } from '../../../src/partition/producer-state.ts'
import { errors } from '../../../src/wire/errors.ts'

const last = 0x7fff_ffff
const [id, epoch] = [1000, 3]

/** Producers that have written batches of `count` records each from `first` on; batch i has base offset 100 + i. */
function written(first: number, count: number, batches: number): ProducerState {
  const producers = new ProducerState(10)
  let sequence = first
  for (let i = 0; i < batches; i++) {
    expect(producers.check(id, epoch, sequence, count)).toEqual({ error: 0, duplicate: undefined })
    producers.append(id, epoch, sequence, count, 100 + i, 5000 + i, i)
    sequence = sequenceAfter(sequence, count)
  }
  return producers
}

const outOfOrder = { error: errors.OUT_OF_ORDER_SEQUENCE_NUMBER.code }
const fenced = { error: errors.INVALID_PRODUCER_EPOCH.code }

describe('producer state: a batch', () => {
  test('of an unknown producer may start with any sequence number', () => {
    for (const sequence of [0, 17, last])
      expect(new ProducerState(10).check(id, epoch, sequence, 4)).toEqual({ error: 0, duplicate: undefined })
  })

  test('continues exactly after the last one', () => {
    const producers = written(0, 10, 3)
    expect(producers.check(id, epoch, 30, 5)).toMatchObject({ error: 0 })
    for (const sequence of [29, 31, 0, 5, last]) expect(producers.check(id, epoch, sequence, 5)).toMatchObject(outOfOrder)
  })

  test('among the last five is a retry, with the offset and the time it had', () => {
    const producers = written(0, 10, 7)
    for (let i = 2; i < 7; i++)
      expect(producers.check(id, epoch, 10 * i, 10).duplicate).toMatchObject({ baseOffset: 100 + i, timestamp: 5000 + i })
    expect(producers.check(id, epoch, 10, 10)).toMatchObject({ ...outOfOrder, duplicate: undefined })
  })

  test('that is a retry only by half is out of order', () => {
    const producers = written(0, 10, 3)
    for (const [sequence, count] of [
      [20, 9],
      [20, 11],
      [21, 9],
      [10, 20],
    ] as const) {
      expect(producers.check(id, epoch, sequence, count)).toMatchObject({ ...outOfOrder, duplicate: undefined })
    }
  })

  test('behind one without an epoch may be any', () => {
    const producers = new ProducerState(10)
    producers.append(id, -1, 2, 1, 100, 5000, 1)
    for (const next of [-1, 0]) expect(producers.check(id, next, 7, 1)).toMatchObject({ error: 0, duplicate: undefined })
  })

  test('of a newer epoch begins at 0, and of an older one is rejected', () => {
    const producers = written(0, 10, 3)
    expect(producers.check(id, epoch + 1, 0, 2)).toMatchObject({ error: 0, duplicate: undefined })
    for (const sequence of [1, 30]) expect(producers.check(id, epoch + 1, sequence, 2)).toMatchObject(outOfOrder)
    for (const sequence of [0, 20, 30]) expect(producers.check(id, epoch - 1, sequence, 10)).toMatchObject(fenced)
    producers.append(id, epoch + 1, 0, 2, 200, 1, 1)
    expect(producers.check(id, epoch, 30, 2)).toMatchObject(fenced)
    expect(producers.check(id, epoch + 1, 2, 2)).toMatchObject({ error: 0 })
    expect(producers.check(id, epoch + 1, 20, 10)).toMatchObject(outOfOrder)
  })
})

test('producer state: sequence numbers continue with 0 after the greatest', () => {
  expect(sequenceAfter(last, 1)).toBe(0)
  expect(sequenceAfter(last - 2, 5)).toBe(2)
  const producers = written(last - 14, 10, 2)
  expect(producers.check(id, epoch, 5, 1)).toMatchObject({ error: 0 })
  expect(producers.check(id, epoch, last - 4, 10).duplicate).toMatchObject({ baseOffset: 101 })
  const atTheEnd = written(last - 9, 10, 1)
  expect(atTheEnd.check(id, epoch, 0, 1)).toMatchObject({ error: 0 })
})

test('producer state: a snapshot brings back what it saw, as far as the log goes', () => {
  const producers = written(0, 10, 7)
  const restored = new ProducerState(10)
  restored.restore(producers.snapshot(), 1000)
  for (let i = 2; i < 7; i++) expect(restored.check(id, epoch, 10 * i, 10).duplicate).toMatchObject({ baseOffset: 100 + i, end: 0 })
  expect(restored.check(id, epoch, 70, 1)).toMatchObject({ error: 0, duplicate: undefined })
  const cut = new ProducerState(10)
  cut.restore(producers.snapshot(), 105)
  expect(cut.check(id, epoch, 40, 10).duplicate).toMatchObject({ baseOffset: 104 })
  expect(cut.check(id, epoch, 50, 10)).toEqual({ error: 0, duplicate: undefined })
  const none = new ProducerState(10)
  none.restore(producers.snapshot(), 100)
  expect(none.count).toBe(0)
})

test('producer state: a snapshot goes under what replay has found since', () => {
  const snapshot = written(0, 10, 4).snapshot()
  const producers = new ProducerState(10)
  for (let i = 3; i < 6; i++) producers.replay(id, epoch, 10 * i, 10, 100 + i, 5000 + i)
  producers.restore(snapshot, 106)
  for (let i = 1; i < 6; i++) expect(producers.check(id, epoch, 10 * i, 10).duplicate).toMatchObject({ baseOffset: 100 + i })
  const newer = new ProducerState(10)
  newer.replay(id, epoch + 1, 0, 10, 110, 1)
  newer.restore(snapshot, 120)
  expect(newer.check(id, epoch, 40, 10)).toMatchObject(fenced)
})

test('producer state: what is idle is forgotten, the longest idle first when there are too many', () => {
  const producers = new ProducerState(3)
  for (let i = 0; i < 5; i++) producers.append(i, 0, 0, 1, i, [50, 10, 40, 20, 30][i]!, 0)
  expect(producers.snapshot().map((one) => one.id)).toEqual(
    [0, 2, 4].filter((one) => producers.snapshot().some((known) => known.id === one)),
  )
  expect(producers.count).toBe(3)
  producers.expire(41)
  expect(producers.snapshot().map((one) => one.id)).toEqual([0])
  producers.expire(51)
  expect(producers.count).toBe(0)
})

test.each(Array.from({ length: 20 }, (_, seed) => seed))(
  'producer state: a log written with retries and lost answers has every batch once, in order, seed %i',
  (seed) => {
    const p = prng(seed)
    const producers = new ProducerState(10)
    const log: number[] = []
    let sequence = chance(p, 500) ? 0 : last - below(p, 200)
    let unanswered: { sequence: number; count: number; value: number; baseOffset: number }[] = []
    for (let value = 0; value < 400; value++) {
      const count = 1 + below(p, 5)
      unanswered.push({ sequence, count, value, baseOffset: -1 })
      sequence = sequenceAfter(sequence, count)
      if (unanswered.length < 5 && chance(p, 700)) continue
      // All in flight are sent, some of them once more than needed.
      for (const batch of chance(p, 500) ? [...unanswered, ...unanswered] : unanswered) {
        const { error, duplicate } = producers.check(id, epoch, batch.sequence, batch.count)
        expect({ seed, value, error }).toMatchObject({ error: 0 })
        if (duplicate !== undefined) {
          expect(duplicate.baseOffset).toBe(batch.baseOffset)
          continue
        }
        batch.baseOffset = log.length
        producers.append(id, epoch, batch.sequence, batch.count, batch.baseOffset, 0, 0)
        log.push(batch.value)
      }
      unanswered = chance(p, 800) ? [] : unanswered.slice(-3)
    }
    expect(log).toEqual(Array.from(log, (_, i) => i))
  },
)

test('producers: an epoch that is stored without batches begins at sequence 0', () => {
  const producers = new ProducerState(10)
  producers.restore([{ id: 7, epoch: 3, batches: [] }], 100)
  expect(producers.check(7, 3, 5, 1).error).toBe(errors.OUT_OF_ORDER_SEQUENCE_NUMBER.code)
  expect(producers.check(7, 3, 0, 1).error).toBe(0)
  expect(producers.check(7, 2, 0, 1).error).toBe(errors.INVALID_PRODUCER_EPOCH.code)
})
