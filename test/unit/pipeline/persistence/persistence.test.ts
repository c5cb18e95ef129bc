import { expect, test } from 'vitest'
import { laneHeader, narrow } from '../../../../src/pipeline/lane-words.ts'
import { Persistence } from '../../../../src/pipeline/persistence/persistence.ts'
import { blockBytes } from '../../../../src/wal/wal-record.ts'
import { smallArena } from '../sequencing/small-arena.ts'

test('persistence: a write for which the disk has no room makes nothing durable, and is tried again as it was', () => {
  const { words, plan } = smallArena()
  const { header, log } = plan.lane
  const writes: number[][] = []
  let hasRoom = false
  const persistence = new Persistence({
    words,
    lane: header,
    memory: log,
    file: {
      write(address, bytes, position) {
        writes.push([address - log.base, bytes, position])
        return hasRoom
      },
      prepare: () => false,
    },
    signals: [],
    counters: { add: () => {} },
    position: 0,
  })
  Atomics.store(words, header + laneHeader.published, narrow(3 * blockBytes))
  for (let i = 0; i < 2; i++) expect(persistence.turn()).toBe(0)
  expect([persistence.isFull, persistence.idle, Atomics.load(words, header + laneHeader.durable)]).toEqual([true, false, 0])
  hasRoom = true
  expect(persistence.turn()).toBe(3 * blockBytes)
  expect([persistence.isFull, persistence.idle]).toEqual([false, true])
  expect(Atomics.load(words, header + laneHeader.durable)).toBe(narrow(3 * blockBytes))
  expect(writes).toEqual(Array.from({ length: 3 }, () => [0, 3 * blockBytes, 0]))
})

test('persistence: a log is prepared ahead of its use, and not before the first write', () => {
  const { words, plan } = smallArena()
  const { header, log } = plan.lane
  let prepared = 0
  const persistence = new Persistence({
    words,
    lane: header,
    memory: log,
    file: {
      write: () => true,
      prepare(until) {
        if (prepared >= until) return false
        prepared = Math.min(until, prepared + (1 << 20))
        return true
      },
    },
    signals: [],
    counters: { add: () => {} },
    position: 0,
  })
  const prepareAll = (): void => {
    while (!persistence.isPrepared) persistence.prepare()
  }
  prepareAll()
  expect(prepared).toBe(0)
  for (const [published, expected] of [
    [blockBytes, (64 << 20) + 2 * blockBytes],
    [3 * blockBytes, (64 << 20) + 6 * blockBytes],
  ] as const) {
    Atomics.store(words, header + laneHeader.published, narrow(published))
    persistence.turn()
    expect(persistence.isPrepared).toBe(false)
    prepareAll()
    expect(prepared).toBe(expected)
  }
})
