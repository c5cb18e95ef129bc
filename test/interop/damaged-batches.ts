/**
 * `node src/cli/run.mjs test/interop/damaged-batches.ts --batches 100000 --seed 1`: validates damaged record batches by Kafka's own
 * classes and by a broker's Produce, and prints where the results differ. Millrace must not accept a batch that Kafka rejects.
 */
import { Command } from 'commander'
import { classes, compareWithMillrace, shown, validatedByKafka } from './damaged-batches/comparison.ts'

interface Options {
  readonly seed: string
  readonly batches: string
  readonly all?: true
}

const options = new Command('damaged-batches')
  .option('--seed <number>', 'the first batch', String(Date.now() % 1_000_000))
  .option('--batches <count>', 'number of batches', '10000')
  .option('--all', 'print every batch that only Millrace rejects, not their classes')
  .parse()
  .opts<Options>()

const tally = await compareWithMillrace(validatedByKafka(Number(options.seed), Number(options.batches)))
for (const difference of [...tally.taken, ...tally.dated]) console.log(shown(difference))
if (options.all) for (const difference of tally.stricter) console.log(shown(difference))
else for (const [name, count] of classes(tally.stricter)) console.log(`${String(count).padStart(6)} only Millrace rejects: ${name}`)
const { batches, accepted, rejected, taken, dated, stricter } = tally
console.log(`${batches} batches from seed ${options.seed} on: both accept ${accepted}, both reject ${rejected}`)
console.log(`only Millrace rejects ${stricter.length}, only Kafka rejects ${taken.length}, another largest timestamp in ${dated.length}`)
process.exitCode = taken.length + dated.length > 0 ? 1 : 0
