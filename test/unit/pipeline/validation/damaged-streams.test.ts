import { expect, test } from 'vitest'
import { tryDamagedStreams } from './damaged-streams.ts'

const streams = 1000
const firstSeed = Date.now() % 1_000_000

/** `tryDamagedStreams` uses a seed for each stream. */
test.each([firstSeed, firstSeed + streams])(
  'validation: damaged streams write nowhere else, count their work and have the same result in pieces (from seed %i)',
  async (seed) => {
    console.log(`node src/cli/run.mjs test/unit/pipeline/validation/fuzz.ts --streams ${streams} --seed ${seed}`)
    const trial = await tryDamagedStreams(seed, streams, () => performance.now())
    expect(trial.faults).toEqual([])
    expect(trial.results.get('damaged')).toBeGreaterThan(streams / 4)
    expect(trial.results.get('done')).toBeGreaterThan(streams / 100)
  },
)
