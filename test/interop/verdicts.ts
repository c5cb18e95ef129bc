/**
 * `node src/cli/run.mjs test/interop/verdicts.ts --batches 100000 --seed 1`: has damaged record batches judged by Kafka's own classes and by
 * a broker's Produce, and prints where the verdicts differ. What Kafka refuses, Millrace must not take.
 */
import { Command } from 'commander'
import { classes, judgedByKafka, shown, verdictDuel } from './verdicts/duel.ts'

interface Options {
  readonly seed: string
  readonly batches: string
  readonly all?: true
}

const options = new Command('verdicts')
  .option('--seed <number>', 'the first batch', String(Date.now() % 1_000_000))
  .option('--batches <count>', 'how many', '10000')
  .option('--all', 'print every batch that only Millrace refuses, not their classes')
  .parse()
  .opts<Options>()

const tally = await verdictDuel(judgedByKafka(Number(options.seed), Number(options.batches)))
for (const difference of [...tally.taken, ...tally.dated]) console.log(shown(difference))
if (options.all) for (const difference of tally.stricter) console.log(shown(difference))
else for (const [name, count] of classes(tally.stricter)) console.log(`${String(count).padStart(6)} only Millrace refuses: ${name}`)
const { batches, accepted, refused, taken, dated, stricter } = tally
console.log(`${batches} batches from seed ${options.seed} on: both take ${accepted}, both refuse ${refused}`)
console.log(`only Millrace refuses ${stricter.length}, only Kafka refuses ${taken.length}, another largest timestamp in ${dated.length}`)
process.exitCode = taken.length + dated.length > 0 ? 1 : 0
