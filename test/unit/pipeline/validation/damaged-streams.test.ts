import { expect, test } from 'vitest'
import { tryDamagedStreams } from './damaged-streams.ts'

test('validation: damaged streams write nowhere else, count their work and are judged alike in pieces', async () => {
  const seed = Date.now() % 1_000_000
  console.log(`node src/cli/run.mjs test/unit/pipeline/validation/fuzz.ts --streams 2000 --seed ${seed}`)
  const trial = await tryDamagedStreams(seed, 2000, () => performance.now())
  expect(trial.faults).toEqual([])
  expect(trial.verdicts.get('damaged')).toBeGreaterThan(500)
  expect(trial.verdicts.get('done')).toBeGreaterThan(20)
}, 60_000)
