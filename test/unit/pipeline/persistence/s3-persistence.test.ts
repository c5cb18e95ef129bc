import { expect, test } from 'vitest'
import { laneHeader, narrow } from '../../../../src/pipeline/lane-words.ts'
import { StorePersistence, uploadsEager } from '../../../../src/pipeline/persistence/s3-persistence.ts'
import { WakeSignal } from '../../../../src/ring/wake-signal.ts'
import { PutBudget } from '../../../../src/wal/s3/put-budget.ts'
import { blockBytes } from '../../../../src/wal/wal-record.ts'
import { smallArena } from '../sequencing/small-arena.ts'

const batchBytesMax = 16 * blockBytes
const cut = { trimmed: 0, previous: 0, previousIncarnation: 0 }

/** The stage with a store that stores an object when the test calls `stored`, and a clock that the test sets. */
function stageWith({ intervalMs = 0, uploadsMax = 10 } = {}) {
  const { words, plan, bytes, view } = smallArena()
  const { header, log } = plan.lanes[0]!
  const clock = { ms: 0 }
  const budget = new PutBudget(intervalMs, () => clock.ms)
  const puts: { readonly blocks: number; readonly stored: () => void }[] = []
  const timers: { readonly ms: number; readonly wake: () => void }[] = []
  const persistence = new StorePersistence({
    words,
    lane: header,
    memory: log,
    bytes,
    view,
    signals: [new WakeSignal(words, plan.lanes[0]!.sequencerSignal)],
    counters: { add: () => {} },
    position: 0,
    cut,
    secret: 1,
    budget,
    batchBytesMax,
    uploadsMax,
    crc: () => 0,
    append: ({ bodyBytes }) => new Promise<void>((stored) => puts.push({ blocks: bodyBytes / blockBytes, stored })),
    after: (ms, wake) => void timers.push({ ms, wake }),
  })
  let end = 0
  const publish = (blocks: number): void => {
    end += blocks * blockBytes
    Atomics.store(words, header + laneHeader.published, narrow(end))
    persistence.turn()
  }
  const word = (at: number): number => Atomics.load(words, header + at)
  const useAll = (): void => {
    for (let i = 0; i < 60_000 / intervalMs; i++) budget.take()
  }
  return { persistence, clock, puts, timers, publish, word, useAll }
}

test('S3 persistence: a group leaves at once while few uploads are in progress, and the next ones leave together', async () => {
  const { puts, publish, word, timers } = stageWith()
  for (let group = 0; group < uploadsEager + 3; group++) publish(1)
  expect(puts.map(({ blocks }) => blocks)).toEqual(Array.from({ length: uploadsEager }, () => 1))
  expect(word(laneHeader.writerIdle)).toBe(0)
  puts[0]!.stored()
  await Promise.resolve()
  expect(puts.at(-1)!.blocks).toBe(3)
  expect([word(laneHeader.durable), timers.length]).toEqual([1, 0])
})

test('S3 persistence: without a token a group waits for one timer, and the writer is not idle', () => {
  const { puts, publish, word, timers, clock, useAll } = stageWith({ intervalMs: 250 })
  useAll()
  for (let group = 0; group < 3; group++) publish(1)
  expect([puts.length, timers.map(({ ms }) => ms), word(laneHeader.writerIdle)]).toEqual([0, [250], 0])
  clock.ms += 250
  timers[0]!.wake()
  expect(puts.map(({ blocks }) => blocks)).toEqual([3])
  expect(timers.length).toBe(2)
})

test('S3 persistence: a token wakes the sequencer if nothing is published, and no put follows without records', () => {
  const { puts, persistence, word, timers, clock, useAll } = stageWith({ intervalMs: 250 })
  useAll()
  persistence.turn()
  expect([timers.length, word(laneHeader.writerIdle)]).toEqual([1, 0])
  clock.ms += 250
  timers[0]!.wake()
  expect([puts.length, timers.length, word(laneHeader.writerIdle)]).toEqual([0, 1, 1])
})

test('S3 persistence: whole objects wait neither for a token nor for few uploads, up to the maximum of uploads', () => {
  const { puts, publish, useAll } = stageWith({ intervalMs: 250, uploadsMax: uploadsEager + 1 })
  useAll()
  publish(16 * (uploadsEager + 2))
  expect(puts.map(({ blocks }) => blocks)).toEqual(Array.from({ length: uploadsEager + 1 }, () => 16))
})

test('S3 persistence: a trim without records and the remaining records at a stop wait for no token', () => {
  const { puts, publish, persistence, useAll } = stageWith({ intervalMs: 250 })
  useAll()
  persistence.trim(cut)
  publish(2)
  expect(puts.map(({ blocks }) => blocks)).toEqual([0])
  persistence.writeSoon()
  expect(puts.map(({ blocks }) => blocks)).toEqual([0, 2])
})
