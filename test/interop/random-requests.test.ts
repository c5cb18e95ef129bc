import { afterAll, expect, test } from 'vitest'
import { kafkaMissing } from '../support/kafka.ts'
import { long, longIf } from '../support/long.ts'
import { startBoth, startReady } from './random/both.ts'
import { compareBrokers, replay, shownDifference } from './random/comparison.ts'
import { type Recorded, readRecording, writeRecording } from './random/recording.ts'

const limitMs = 120_000
const stepsEach = 60
const seeds = [100, 101, 102, 103, 104, 105]
const missing = kafkaMissing()
if (missing) console.warn(`skipped: random requests are compared with recorded responses only, ${missing}`)

/** The first seeds are short. */
const shortSeeds = 3

for (const [index, seed] of seeds.entries()) {
  test(`random requests: Millrace responds as recorded from Apache Kafka, seed ${seed}`, longIf(index >= shortSeeds, limitMs), async () => {
    const recorded = readRecording()[seed]!
    expect(recorded.length).toBeGreaterThan(stepsEach / 2)
    const millrace = await startReady('millrace')
    try {
      expect((await replay(millrace.port, seed, recorded)).slice(0, 1).map(shownDifference)).toEqual([])
    } finally {
      await millrace.remove()
    }
  })
}

/** A response to a waiting member may arrive before or after the next request. */
const comparable = (recorded: readonly Recorded[]) => ({
  requests: recorded.map(({ arrived: _, ...rest }) => rest),
  arrived: recorded.flatMap(({ arrived }) => arrived ?? []),
})

/** `UPDATE=1 npm run test:long -- test/interop/random-requests` records them. */
const fresh: Record<string, readonly Recorded[]> = {}
afterAll(() => {
  if (process.env['UPDATE'] === '1' && seeds.every((seed) => seed in fresh)) writeRecording(fresh)
})

test.runIf(missing === null).each(seeds)(
  'random requests: Millrace responds as a running Apache Kafka, which responds as recorded, seed %i',
  long(limitMs),
  async (seed) => {
    const both = await startBoth()
    try {
      const { found, recorded } = await compareBrokers(both.ports, seed, stepsEach)
      fresh[seed] = JSON.parse(JSON.stringify(recorded))
      expect(found.slice(0, 1).map(shownDifference)).toEqual([])
      if (process.env['UPDATE'] !== '1') expect(comparable(fresh[seed]!)).toEqual(comparable(readRecording()[seed]!))
    } finally {
      await both.remove()
    }
  },
)
