import { describe, expect, test } from 'vitest'
import * as assert from '../../src/base/assert.ts'
import * as long from '../../src/base/long.ts'
import * as batchLimit from '../../src/config/batch-limit.ts'
import * as scan from '../../src/pipeline/kernel/scan.ts'
import * as lane from '../../src/pipeline/lane-words.ts'
import * as frames from '../../src/pipeline/ring-messages.ts'
import * as segmentRowModule from '../../src/ports/segment-rows.ts'
import * as walRecord from '../../src/wal/wal-record.ts'
import * as errors from '../../src/wire/errors.ts'
import * as recordBatch from '../../src/wire/record-batch.ts'
import { longIf } from '../support/long.ts'
import { mutant } from '../support/mutant.ts'
import type { Machines } from './wal-machines.ts'
import { WalWorld } from './wal-world.ts'

const imports = {
  'src/base/assert.ts': assert,
  'src/base/long.ts': long,
  'src/config/batch-limit.ts': batchLimit,
  'src/pipeline/ring-messages.ts': frames,
  'src/ports/segment-rows.ts': segmentRowModule,
  'src/pipeline/kernel/scan.ts': scan,
  'src/pipeline/lane-words.ts': lane,
  'src/wal/wal-record.ts': walRecord,
  'src/wire/errors.ts': errors,
  'src/wire/record-batch.ts': recordBatch,
}
const recovery = (from: string, to: string): Partial<Machines> => mutant('src/wal/wal-recovery.ts', { from, to }, imports)
const memory = (from: string, to: string): Partial<Machines> => mutant('src/pipeline/sequencing/log-cache.ts', { from, to }, imports)
const segments = (from: string, to: string): Partial<Machines> => mutant('src/wal/segments.ts', { from, to }, imports)
const rows = (from: string, to: string): Partial<Machines> => mutant('src/pipeline/sequencing/segment-rows.ts', { from, to }, imports)
const persistence = (from: string, to: string): Partial<Machines> =>
  mutant('src/pipeline/persistence/persistence.ts', { from, to }, imports)

for (let seed = 0; seed < 8; seed++) {
  test(`WAL world: no acknowledged record is lost over many incarnations, seed ${seed}`, longIf(seed >= 4), () => {
    const { figures } = new WalWorld(seed).run(12, 400)
    expect(figures.incarnations).toBe(13)
  })
}

for (let seed = 0; seed < 4; seed++) {
  test(`WAL world: WAL records in the batches of a client are not recovered as records, seed ${seed}`, longIf(seed >= 2), () => {
    new WalWorld(seed, { clients: 'forging' }).run(12, 400)
  })
}

const historySeeds = [7, 9, 22, 38]
const history = (seed: number): Record<string, number> => new WalWorld(seed).run(12, 400).figures
const histories = new Map<number, Record<string, number>>()

test.each(historySeeds)('WAL world: the same seed twice is the same history, seed %i', (seed) => {
  histories.set(seed, history(seed))
  expect(history(seed)).toEqual(histories.get(seed))
})

test('WAL world: histories contain every event', () => {
  const once = historySeeds.map((seed) => histories.get(seed) ?? history(seed))
  for (const figure of Object.keys(once[0]!))
    expect({ figure, sum: once.reduce((sum, world) => sum + world[figure]!, 0) }).not.toMatchObject({ sum: 0 })
})

/** In short there is one of each machine, and of each of its clients. */
const shortBugs = new Set([
  'acknowledges what the disk does not have',
  'has no secret in the sums of its headers',
  'claims more of a write than it wrote',
  'continues inside the block of the last record',
  'overwrites what is not durable',
  'ends a segment that is not durable',
  'leaves a batch out of a segment',
])

/** Planted bugs verify that the simulation detects errors. */
describe('WAL world: some seed catches a machine that', () => {
  const bugs: readonly (readonly [string, number, () => Partial<Machines>])[] = [
    ['acknowledges what the disk does not have', 0, () => ({ acknowledge: 'published' })],
    ['has no secret in the sums of its headers', 1, () => ({ salt: 'known', clients: 'forging' })],
    ['claims more of a write than it wrote', 0, () => persistence('this.#durable += bytes', 'this.#durable = published')],
    ['ignores which record a record follows', 15, () => recovery('if (previous >= 0 && getU64', 'if (previous < -1 && getU64')],
    ['ignores which incarnation wrote a record', 8, () => recovery('if (this.incarnation(at) < incarnation) return false', '')],
    ['does not sum batches', 2, () => recovery('(!sum ||', '(true ||')],
    [
      'stores records of an earlier incarnation without a check',
      9,
      () => recovery('this.incarnation(at) < this.#source.incarnation', 'false'),
    ],
    ['continues after a trim with any bytes', 48, () => recovery('let incarnation = cut.previousIncarnation', 'let incarnation = 0')],
    [
      'takes a torn tail for damage',
      1,
      () => recovery('if (durable <= from && !skips) continue', 'if (durable <= end && !skips) continue'),
    ],
    ['continues inside the block of the last record', 0, () => recovery('const position = alignBlock(end)', 'const position = end')],
    ['overwrites what is not durable', 0, () => memory("if (to > this.#durable + this.bytes) return 'memory'", '')],
    ['overwrites what is not trimmed', 1, () => memory("if (alignBlock(to) > this.#trimmed + this.#capacity) return 'log'", '')],
    ['overwrites what is pinned', 0, () => memory('if (pin.from + laps < to)', 'if (false)')],
    ['ends a segment with the wrong record', 0, () => segments('previous: this.#last,', 'previous: at,')],
    [
      'ends a segment with the wrong incarnation',
      0,
      () => segments('previousIncarnation: this.#lastIncarnation', 'previousIncarnation: 1e6'),
    ],
    ['ends a segment that is not durable', 0, () => segments('&& found.point.trimmed < durable', '')],
    ['leaves a batch out of a segment', 0, () => rows('i = first;', 'i = first + 1;')],
    ['stores a batch of the next segment', 0, () => rows('index.countEndingBy(part.until)', 'index.length')],
    ['lands in a second pin', 4, () => memory('if (behind === target) break', 'return behind')],
  ]
  for (const [bug, likely, plant] of bugs) {
    test(`${bug}, such as seed ${likely}`, longIf(!shortBugs.has(bug), 30_000), () => {
      const planted = plant()
      const caught = [likely, ...Array.from({ length: 40 }, (_, seed) => seed)].find((seed) => {
        try {
          new WalWorld(seed, planted).run(12, 400)
          return false
        } catch {
          return true
        }
      })
      expect(caught).toBeDefined()
    })
  }
})
