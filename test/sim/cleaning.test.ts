import { expect, test } from 'vitest'
import { below, chance, type Prng, prng } from '../../src/base/prng.ts'
import { seedGroups } from '../support/groups.ts'
import { CleaningWorld, deleteRetentionMs, endOf, type ModelRecord } from './cleaning-world.ts'

const worlds = Number(process.env['WORLDS'] ?? 150)
const first = Number(process.env['SEED'] ?? 0)
/** From room for four keys, which needs many rounds, to room for all keys. */
const mapBytes = [120, 240, 24_000]

async function live(world: CleaningWorld, random: Prng, look: () => Promise<void>): Promise<void> {
  for (let step = 0; step < 60; step++) {
    if (chance(random, 650)) world.append()
    else if (chance(random, 500)) await world.seal()
    else if (chance(random, 300)) world.nowMs += below(random, deleteRetentionMs * 2)
    else if (world.cleaned < world.storedEnd) {
      const before = world.cleaned
      await world.clean(mapBytes[below(random, mapBytes.length)]!, below(random, 2) === 0 ? 1 : 1 << 20)
      expect(world.cleaned, 'a round gets somewhere').toBeGreaterThan(before)
      await look()
    }
  }
}

const lastOffsets = (records: readonly ModelRecord[]): Map<string | null, number> =>
  new Map(records.map(({ key, offset }) => [key, offset]))

/** Values by key, as the result of a read of the whole log. */
function stateOf(records: readonly ModelRecord[]): Map<string | null, string> {
  const state = new Map<string | null, string>()
  for (const { key, value } of records) {
    if (value === null) state.delete(key)
    else state.set(key, value)
  }
  return state
}

test.each(seedGroups(first, worlds, 50))(
  'cleaning: after random writes and compactions, only records that may be removed are missing (seeds from %i)',
  async (...seeds) => {
    for (const seed of seeds) {
      const random = prng(seed)
      const world = new CleaningWorld(random, `cleaning-${seed}`)
      await live(world, random, async () => {
        const { batches, records } = await world.read()
        const stored = world.records.filter(({ offset }) => offset < world.storedEnd)
        const of = (offset: number): ModelRecord => world.records[offset]!
        const because = `seed ${seed}`
        // Offsets, keys, values and timestamps are the written ones, in the same order.
        expect(records, because).toEqual(records.map(({ offset }) => of(offset)))
        expect(records, because).toEqual(records.toSorted((a, b) => a.offset - b.offset))
        const keyed = (record: ModelRecord): boolean => record.key !== null
        expect(stateOf(records.filter(keyed)), because).toEqual(stateOf(stored.filter(keyed)))

        // Below the end of compaction there is one record of each key, and none without a key.
        const below = records.filter(({ offset }) => offset < world.cleaned)
        expect(new Set(below.map(({ key }) => key)).size, because).toBe(below.length)
        expect(below.every(keyed), because).toBe(true)

        // A missing record is superseded, or an expired tombstone.
        const present = new Set(records.map(({ offset }) => offset))
        const last = lastOffsets(stored)
        for (const { offset, key, value } of stored) {
          if (present.has(offset) || key === null || last.get(key) !== offset) continue
          expect(value, because).toBe(null)
          expect(world.nowMs - world.seenAt.get(offset)!, because).toBeGreaterThanOrEqual(deleteRetentionMs)
        }

        // The end of the log is unchanged, and the last batch of every producer remains.
        expect(endOf(batches.at(-1)!), because).toBe(world.storedEnd)
        for (const [producer, offset] of world.lastOffsets) {
          const kept = batches.some((batch) => Number(batch.producerId) === producer && endOf(batch) === offset + 1)
          if (offset < world.storedEnd) expect(kept, because).toBe(true)
        }
      })
    }
  },
)

test('cleaning: a tombstone stays for its time after the compaction that first sees it, and no longer than the one after', async () => {
  const random = prng(1)
  const world = new CleaningWorld(random, 'tombstones')
  while (!world.records.some(({ value, key }) => value === null && key !== null)) world.append()
  for (let i = 0; i < 20; i++) world.append()
  const tombstonesOf = async (): Promise<number> => (await world.read()).records.filter(({ value }) => value === null).length
  await world.seal()
  await world.clean(1 << 20, 1 << 20)
  const many = await tombstonesOf()
  expect(many).toBeGreaterThan(0)
  const more = async (wait: number): Promise<void> => {
    world.nowMs += wait
    // Without records to compact, tombstones are not checked either.
    do world.append()
    while (world.records.at(-1)!.value === null)
    await world.seal()
    await world.clean(1 << 20, 1 << 20)
  }
  const firstSeen = new Set(world.seenAt.keys())
  const oldOnes = async (): Promise<number> =>
    (await world.read()).records.filter(({ offset, value }) => value === null && firstSeen.has(offset)).length
  await more(deleteRetentionMs - 1)
  const still = await oldOnes()
  expect(still).toBeGreaterThan(0)
  await more(1)
  expect(await oldOnes()).toBe(0)
})
