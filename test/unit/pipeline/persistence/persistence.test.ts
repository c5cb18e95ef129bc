import { expect, test } from 'vitest'
import { laneHeader, narrow } from '../../../../src/pipeline/lane-words.ts'
import { Persistence } from '../../../../src/pipeline/persistence/persistence.ts'
import { blockBytes } from '../../../../src/wal/wal-record.ts'
import { smallArena } from '../sequencing/small-arena.ts'

test('persistence: a write for which the disk has no room makes nothing durable, and is tried again as it was', () => {
  const { words, plan } = smallArena()
  const { header, log } = plan.lanes[0]!
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

test('persistence: the log is prepared from its end on', () => {
  const { words, plan } = smallArena()
  const { header, log } = plan.lanes[0]!
  const prepared: unknown[] = []
  const persistence = new Persistence({
    words,
    lane: header,
    memory: log,
    file: { write: () => true, prepare: (...range) => prepared.push(range) < 2 },
    signals: [],
    counters: { add: () => {} },
    position: 0,
  })
  expect(persistence.prepare(false)).toBe(true)
  Atomics.store(words, header + laneHeader.published, narrow(3 * blockBytes))
  persistence.turn()
  expect(persistence.prepare(true)).toBe(false)
  expect(prepared).toEqual([
    [0, false],
    [3 * blockBytes, true],
  ])
})
