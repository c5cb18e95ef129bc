/** Random numbers come from a parameter, so that a run is a function of its seed. */
export interface Prng {
  word: number
}

export const prng = (seed: number): Prng => ({ word: seed >>> 0 })

/** The next word in [0, 2^32). Source: mulberry32. */
export function nextWord(p: Prng): number {
  p.word = (p.word + 0x6d2b79f5) >>> 0
  let t = p.word
  t = Math.imul(t ^ (t >>> 15), t | 1)
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
  return (t ^ (t >>> 14)) >>> 0
}

/** A whole number in [0, bound). */
export const below = (p: Prng, bound: number): number => Math.floor((nextWord(p) / 2 ** 32) * bound)

export const chance = (p: Prng, permille: number): boolean => below(p, 1000) < permille
