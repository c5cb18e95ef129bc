import { below, type Prng } from '../../src/base/prng.ts'

/** Frequencies of events besides appends, permille. */
export interface Rates {
  readonly sizes: 'equal' | 'blocks' | 'mixed' | 'large'
  readonly publish: number
  readonly persist: number
  readonly trim: number
  readonly pin: number
  readonly unpin: number
}

/** Each seed prefers some events. */
export function rates(p: Prng): Rates {
  const pick = <T>(...from: T[]): T => from[below(p, from.length)]!
  return {
    sizes: pick('equal', 'blocks', 'mixed', 'large'),
    publish: pick(30, 200, 600),
    persist: pick(10, 100, 400),
    trim: pick(0, 30, 100),
    pin: pick(0, 100, 300),
    unpin: pick(10, 100),
  }
}
