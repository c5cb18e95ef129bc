import { RaftWorld, type WorldOptions } from './world.ts'

/** Worlds of different length: short ones have more first elections, long ones more snapshots. */
export const raftEvents = (seed: number): number => 3000 + (seed % 5) * 2500

/** Runs a world. Every 100th one is run again: the same seed has the same history. */
export function verifiedRaftWorld(seed: number, events: number, options: WorldOptions = {}): RaftWorld {
  const world = new RaftWorld(seed, options).run(events)
  if (seed % 100 === 0) {
    const again = new RaftWorld(seed, options).run(events)
    if (again.hash !== world.hash || again.count !== world.count) throw new Error(`seed ${seed} has two histories`)
  }
  return world
}
