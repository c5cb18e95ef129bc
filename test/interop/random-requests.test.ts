import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { kafkaMissing } from '../support/kafka.ts'
import { startBoth } from './random/both.ts'
import { duel, shownDifference } from './random/duel.ts'

const limitMs = 120_000
const stepsEach = 60
const seeds = process.env['SEED'] ? [Number(process.env['SEED'])] : [100, 101, 102, 103, 104, 105]
const missing = kafkaMissing()
if (missing) console.warn(`skipped: random requests beside Kafka, ${missing}`)

describe.runIf(missing === null)('A random request', () => {
  let both: Awaited<ReturnType<typeof startBoth>> | undefined
  beforeAll(async () => {
    both = await startBoth()
  }, limitMs)
  afterAll(() => both?.remove())

  test.each(seeds)(
    'is answered as Kafka answers it, in sequence %i',
    async (seed) => {
      const { asked, found } = await duel(both!.ports, seed, stepsEach)
      expect(asked).toBeGreaterThan(stepsEach / 2)
      expect(found.slice(0, 1).map(shownDifference)).toEqual([])
    },
    limitMs,
  )
})
