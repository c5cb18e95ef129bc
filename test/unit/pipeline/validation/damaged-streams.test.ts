import { expect, test } from 'vitest'
import { tryDamagedStreams } from './damaged-streams.ts'

test('validation: damaged streams write nowhere else, count their work and have the same result in pieces', async () => {
  const seed = Date.now() % 1_000_000
  console.log(`node src/cli/run.mjs test/unit/pipeline/validation/fuzz.ts --streams 2000 --seed ${seed}`)
  const trial = await tryDamagedStreams(seed, 2000, () => performance.now())
  expect(trial.faults).toEqual([])
  expect(trial.results.get('damaged')).toBeGreaterThan(500)
  expect(trial.results.get('done')).toBeGreaterThan(20)
}, 60_000)
