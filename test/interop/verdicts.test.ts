import { expect, test } from 'vitest'
import { kafkaMissing } from '../support/kafka.ts'
import { shown, verdictDuel } from './verdicts/duel.ts'

const missing = kafkaMissing()
if (missing) console.warn(`skipped: verdicts beside Kafka's, ${missing}`)

const batches = 2000
const limitMs = 120_000

test.skipIf(missing !== null)(
  'verdicts: what Kafka refuses of damaged batches is refused',
  async () => {
    const seed = Date.now() % 1_000_000
    console.log(`node src/cli/run.mjs test/interop/verdicts.ts --batches ${batches} --seed ${seed}`)
    const tally = await verdictDuel(seed, batches)
    expect(tally.taken.map(shown)).toEqual([])
    expect(tally.dated.map(shown)).toEqual([])
    expect(tally.accepted).toBeGreaterThan(batches / 20)
    expect(tally.refused).toBeGreaterThan(batches / 4)
  },
  limitMs,
)
