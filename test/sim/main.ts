/** Runs simulations for a time, one seed after another: `npm run sim -- --minutes 10 --seed 1000`. */
import { parseArgs } from 'node:util'
import { CoordinatorWorld } from './coordinator-world.ts'
import { raftEvents, verifiedRaftWorld } from './raft/runs.ts'
import { StorageWorld } from './storage-world.ts'
import { WalWorld } from './wal-world.ts'

/** Each runs one seed and resolves to its events. Rejects if a rule does not hold. */
const worlds: Readonly<Record<string, (seed: number) => Promise<number>>> = {
  storage: async (seed) => {
    const world = new StorageWorld(seed)
    await world.run(60)
    return world.time.count
  },
  wal: async (seed) => sum(new WalWorld(seed, seed % 3 === 2 ? { clients: 'forging' } : {}).run(12, 400).figures),
  coordinator: async (seed) => sum((await new CoordinatorWorld(seed).run(1500)).figures),
  raft: async (seed) => {
    const world = verifiedRaftWorld(seed, raftEvents(seed))
    commits['raft'] = (commits['raft'] ?? 0) + world.ledger.commits
    return world.count
  },
}
/** Committed batches, of the worlds that have some. */
const commits: Record<string, number> = {}
const sum = (figures: Readonly<Record<string, number>>): number => Object.values(figures).reduce((a, b) => a + b, 0)

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: '0' },
    world: { type: 'string', default: 'all' },
  },
})
const names = values.world === 'all' ? Object.keys(worlds) : values.world.split(',')
const unknown = names.find((name) => worlds[name] === undefined)
if (unknown !== undefined) throw new Error(`no world ${unknown}; there are ${Object.keys(worlds).join(', ')}, all`)
const minutes = Number(values.minutes) / names.length
for (const name of names) {
  const end = performance.now() + minutes * 60_000
  let [seed, events, failed] = [Number(values.seed), 0, 0]
  for (; performance.now() < end; seed++) {
    await worlds[name]!(seed).then(
      (count) => {
        events += count
      },
      (error: Error) => {
        failed++
        console.log(`${name}, seed ${seed}: ${error.message}; repeat with: npm run sim -- --world ${name} --seed ${seed} --minutes 0.01`)
      },
    )
  }
  const committed = commits[name] === undefined ? '' : `, ${commits[name]} commits`
  console.log(`${name}: seeds ${values.seed} to ${seed - 1}, ${events} events${committed}: ${failed} failed`)
  if (failed > 0) process.exitCode = 1
}
