import { below, chance, type Prng } from '../../src/base/prng.ts'
import type { WalWriter } from '../../src/pipeline/persistence/persistence.ts'

export const capacity = 4 << 20

/** The machine crashed during a write. */
export class Crash extends Error {}

/** A disk that keeps all complete writes, and a random part of the sectors of the write in which it crashes. */
export class Disk implements WalWriter {
  readonly bytes = Buffer.alloc(capacity)
  readonly #arena: Buffer
  readonly #random: Prng
  crashing = false

  constructor(arena: Buffer, random: Prng) {
    this.#arena = arena
    this.#random = random
  }

  write(address: number, bytes: number, position: number): boolean {
    const to = position % capacity
    if (!this.crashing) {
      this.#arena.copy(this.bytes, to, address, address + bytes)
      return true
    }
    const sector = chance(this.#random, 700) ? 512 : 4096
    const keep = [0, 100, 500, 900, 1000][below(this.#random, 5)]!
    for (let at = 0; at < bytes; at += sector) {
      if (chance(this.#random, keep)) this.#arena.copy(this.bytes, to + at, address + at, address + at + sector)
    }
    throw new Crash()
  }

  prepare(): boolean {
    return false
  }
}
