import { afterAll, describe, expect, test } from 'vitest'
import { seedGroups } from '../../support/groups.ts'
import { bugEvents, bugs } from './bugs.ts'
import { planted } from './planted.ts'
import { raftEvents, verifiedRaftWorld } from './runs.ts'
import { RaftWorld } from './world.ts'

const firstSeed = Number(process.env['SEED'] ?? 0)
const seedCount = Number(process.env['SEEDS'] ?? 2000)
const figures: Record<string, number> = {}

function add(more: Readonly<Record<string, number>>): void {
  for (const [figure, count] of Object.entries(more)) figures[figure] = (figures[figure] ?? 0) + count
}

function verify(...seeds: readonly number[]): void {
  for (const seed of seeds) {
    try {
      const { count, ledger, figures: own } = verifiedRaftWorld(seed, raftEvents(seed))
      add({ worlds: 1, events: count, commits: ledger.commits, elections: ledger.elections, ...own })
    } catch (error) {
      throw new Error(`seed ${seed}: ${(error as Error).message} (again with SEED=${seed} SEEDS=1)`, { cause: error })
    }
  }
}

const name = 'raft: replicas agree under faults, and continue after them (seeds from %i)'
const shortCount = Math.min(seedCount, 1000)
test.each(seedGroups(firstSeed, shortCount, 20))(name, { timeout: 30_000 }, verify)
test.each(seedGroups(firstSeed + shortCount, seedCount - shortCount, 20))(name, { timeout: 30_000, tags: ['long'] }, verify)

test('raft: worlds have commits, elections and each kind of fault', () => {
  for (const figure of ['commits', 'elections', 'crashes', 'cuts', 'diskLosses', 'voterChanges', 'snapshots', 'drops'])
    expect({ figure, count: figures[figure] ?? 0 }).not.toMatchObject({ count: 0 })
})

afterAll(() => {
  console.log(
    `raft: ${Object.entries(figures)
      .map(([figure, count]) => `${count} ${figure}`)
      .join(', ')}`,
  )
})

test('raft: the same seed has the same history, and another has another', () => {
  const hashes = [7, 8, 7, 8].map((seed) => new RaftWorld(seed).run(5000).hash)
  expect(hashes[2]).toBe(hashes[0])
  expect(hashes[3]).toBe(hashes[1])
  expect(hashes[1]).not.toBe(hashes[0])
})

/** Planted bugs verify that the simulation detects errors. */
describe('raft: some seed catches a machine that', () => {
  test.each(bugs)(
    '$name',
    ({ changes, options, firstSeed = 0, seeds, rule }) => {
      const machines = planted(changes)
      const found: string[] = []
      for (let seed = firstSeed; seed < firstSeed + seeds && !found.some((message) => rule.test(message)); seed++) {
        try {
          new RaftWorld(seed, { ...options, machines }).run(bugEvents)
        } catch (error) {
          found.push((error as Error).message)
        }
      }
      expect(found.join('\n')).toMatch(rule)
    },
    60_000,
  )

  test.each(bugs.filter(({ options }) => !options?.isAmnesic && !options?.isCheckpointAtEnd))(
    'the machine itself passes where this is found: $name',
    ({ options, firstSeed = 0 }) => {
      for (let seed = firstSeed; seed < firstSeed + 10; seed++) new RaftWorld(seed, options).run(bugEvents)
    },
    60_000,
  )
})

test('raft: a replica stops where the leader has lost committed records', () => {
  const { options } = bugs.find((bug) => bug.options?.isAmnesic)!
  let stops = 0
  for (let seed = 0; seed < 20; seed++) {
    try {
      stops += new RaftWorld(seed, options).run(bugEvents).figures.stops
    } catch (error) {
      // Nodes that elect in an epoch again may also detect that. A high watermark never decreases.
      expect((error as Error).message).not.toMatch(/invariant 3/)
    }
  }
  expect(stops).toBeGreaterThan(5)
}, 60_000)
