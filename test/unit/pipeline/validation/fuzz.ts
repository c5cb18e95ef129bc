/** `node src/cli/run.mjs test/unit/pipeline/validation/fuzz.ts --streams 100000 --seed 1`: damaged streams, and canaries around the job. */
import { Command } from 'commander'
import { budget, tryDamagedStreams } from './damaged-streams.ts'

const options = new Command('fuzz')
  .option('--seed <number>', 'the first stream', String(Date.now() % 1_000_000))
  .option('--streams <count>', 'how many', '10000')
  .parse()
  .opts<{ readonly seed: string; readonly streams: string }>()

const trial = await tryDamagedStreams(Number(options.seed), Number(options.streams), () => performance.now())
for (const fault of trial.faults) console.log(fault)
const results = [...trial.results].map(([result, count]) => `${count} ${result}`).join(', ')
console.log(`${trial.streams} streams from seed ${options.seed} on: ${results}; ${trial.faults.length} faults`)
console.log(`longest run with a budget of ${budget}: ${trial.longestMs.toFixed(2)} ms`)
process.exitCode = trial.faults.length > 0 ? 1 : 0
