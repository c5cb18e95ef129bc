/** What has not been used for this long goes first; what is not as old as this does not go for one of another size. */
const evictionMs = 120_000

interface Age {
  size: number
  usedAt: number
  readonly createdAt: number
}

/**
 * Which session has to go for a new one, when every slot is in use. Source: KIP-227. One that has not been used for two
 * minutes; else one that is older than that and follows fewer partitions than the new one, and of those the one that
 * follows fewest. No session is privileged: there are no followers.
 *
 * Nothing here looks at every session: who looks for a smaller one has sent as many partitions as sizes are looked at.
 */
export class SessionAges {
  /** In the order in which they were used. */
  readonly #used = new Map<number, Age>()
  /** Those that are too young to go for a larger one, in the order in which they were made. */
  readonly #young = new Set<number>()
  /** The others, by their size. */
  readonly #old = new Map<number, Set<number>>()

  add(id: number, size: number, now: number): void {
    this.#used.set(id, { size, usedAt: now, createdAt: now })
    this.#young.add(id)
  }

  use(id: number, size: number, now: number): void {
    const age = this.#used.get(id)
    if (age === undefined) return
    if (this.#unfile(id, age.size)) this.#file(id, size)
    age.size = size
    age.usedAt = now
    this.#used.delete(id)
    this.#used.set(id, age)
  }

  delete(id: number): void {
    const age = this.#used.get(id)
    if (age === undefined) return
    this.#unfile(id, age.size)
    this.#young.delete(id)
    this.#used.delete(id)
  }

  /** The session that goes for a new one of this size; undefined when all of them stay. */
  leaves(size: number, now: number): number | undefined {
    for (const [id, { usedAt }] of this.#used) {
      if (now - usedAt > evictionMs) return id
      break
    }
    for (const id of this.#young) {
      const { size: ownSize, createdAt } = this.#used.get(id)!
      if (now - createdAt <= evictionMs) break
      this.#young.delete(id)
      this.#file(id, ownSize)
    }
    for (let smaller = 0; smaller < size; smaller++) {
      for (const id of this.#old.get(smaller) ?? []) return id
    }
    return undefined
  }

  #file(id: number, size: number): void {
    const ids = this.#old.get(size)
    if (ids === undefined) this.#old.set(size, new Set([id]))
    else ids.add(id)
  }

  #unfile(id: number, size: number): boolean {
    const ids = this.#old.get(size)
    if (ids === undefined || !ids.delete(id)) return false
    if (ids.size === 0) this.#old.delete(size)
    return true
  }
}
