/** Simulates the storage engine for a time, one seed after another: `npm run sim -- --minutes 10 --seed 1000`. */
import { parseArgs } from 'node:util'
import { StorageWorld } from './storage-world.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: '0' },
    actions: { type: 'string', default: '60' },
  },
})
const actions = Number(values.actions)
const end = performance.now() + Number(values.minutes) * 60_000
let failed = 0
let seed = Number(values.seed)
let events = 0
for (; performance.now() < end; seed++) {
  const world = new StorageWorld(seed)
  await world.run(actions).catch((error: Error) => {
    failed++
    console.log(`seed ${seed}: ${error.message}; repeat with: npm run sim -- --seed ${seed} --actions ${actions} --minutes 0.01`)
  })
  events += world.time.count
}
console.log(`seeds ${values.seed} to ${seed - 1}, ${actions} actions each, ${events} events: ${failed} failed`)
process.exitCode = failed > 0 ? 1 : 0
