import { below, type Prng } from '../../../src/base/prng.ts'

/** Faults of a world, permille of messages, or of the acts of the weather. Times in milliseconds. */
export interface Weather {
  readonly voters: number
  /** Nodes that are not voters at the start. */
  readonly spares: number
  /** Voters from a static configuration, without directories. */
  readonly isStatic: boolean
  readonly isAutoJoin: boolean
  /** Short ones, compared with delays, make many candidates. */
  readonly electionTimeoutMs: number
  readonly delayMax: number
  readonly diskMax: number
  readonly lose: number
  readonly repeat: number
  readonly proposeEveryMs: number
  readonly actEveryMs: number
  readonly crash: number
  readonly pause: number
  readonly cut: number
  readonly isolate: number
  readonly loseDisk: number
  readonly changeVoters: number
  readonly resign: number
  readonly checkpoint: number
}

const pick = <T>(random: Prng, ...from: readonly T[]): T => from[below(random, from.length)]!

/** Each seed has other faults, and some have none. */
export function weatherOf(random: Prng): Weather {
  const isCalm = below(random, 8) === 0
  const faults = (...from: number[]): number => (isCalm ? 0 : pick(random, ...from))
  const isStatic = below(random, 4) === 0
  return {
    voters: pick(random, 1, 2, 3, 3, 3, 3, 4, 5, 5),
    spares: pick(random, 0, 0, 1, 2),
    isStatic,
    isAutoJoin: below(random, 2) === 0,
    electionTimeoutMs: pick(random, 1000, 1000, 300, 150),
    delayMax: pick(random, 4, 20, 60, 300),
    diskMax: pick(random, 1, 5, 30, 150),
    lose: faults(0, 0, 10, 50, 150),
    repeat: faults(0, 20, 100, 300),
    proposeEveryMs: pick(random, 5, 20, 80),
    actEveryMs: pick(random, 150, 500, 2000),
    crash: faults(0, 60, 150, 300),
    pause: faults(0, 60, 200),
    cut: faults(0, 100, 250),
    isolate: faults(0, 60, 150),
    loseDisk: faults(0, 0, 40),
    changeVoters: pick(random, 0, 60, 200),
    resign: faults(0, 20, 60),
    checkpoint: pick(random, 0, 60, 200),
  }
}
