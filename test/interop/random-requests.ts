/**
 * `node src/cli/run.mjs test/interop/random-requests.ts --seed 1 --seeds 10 --steps 300`: sends the same random requests to Millrace
 * and to Apache Kafka, and prints where their answers differ.
 */
import { Command } from 'commander'
import { startBoth } from './random/both.ts'
import { compareBrokers, shownDifference } from './random/comparison.ts'

interface Options {
  readonly seed: string
  readonly seeds: string
  readonly steps: string
  readonly only?: string
  readonly all?: true
}

const options = new Command('random-requests')
  .option('--seed <number>', 'the first sequence', String(Date.now() % 1_000_000))
  .option('--seeds <count>', 'sequences', '10')
  .option('--steps <count>', 'requests of each', '300')
  .option('--only <pattern>', 'of APIs whose names match')
  .option('--all', 'print every difference, where otherwise the first of each sequence is')
  .parse()
  .opts<Options>()

const both = await startBoth()
let requests = 0
let differing = 0
try {
  for (let seed = Number(options.seed); seed < Number(options.seed) + Number(options.seeds); seed++) {
    const { asked, found } = await compareBrokers(
      both.ports,
      seed,
      Number(options.steps),
      options.only ? new RegExp(options.only) : undefined,
    )
    requests += asked
    differing += found.length
    if (found.length > 0 && !options.all) console.log(`seed ${seed}: ${found.length} of ${asked}`)
    for (const each of options.all ? found : found.slice(0, 1)) console.log(shownDifference(each))
  }
} finally {
  await both.remove()
}
console.log(`${requests} requests of ${options.seeds} sequences from seed ${options.seed} on: ${differing} answered differently`)
process.exitCode = differing > 0 ? 1 : 0
