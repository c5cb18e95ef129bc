export class Violation extends Error {}

export function violation(rule: string): never {
  throw new Violation(`invariant ${rule}`)
}

export const mixed = (hash: number, word: number): number => {
  const h = Math.imul(hash ^ word, 0x85ebca6b)
  return (h ^ (h >>> 15)) >>> 0
}
