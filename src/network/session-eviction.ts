/** A session unused for this long is evicted first; a session younger than this is not evicted for a larger one. */
const evictionMs = 120_000

interface Age {
  size: number
  usedAt: number
  readonly createdAt: number
}

/**
 * Selects the session to evict for a new one when all slots are in use. Source: KIP-227. First choice: a session unused for two
 * minutes. Second choice: a session older than that with fewer partitions than the new one, of these the one with the fewest.
 * No session is privileged: there are no followers.
 *
 * No operation scans all sessions: a search for a smaller session examines at most as many sizes as the request has partitions.
 */
export class SessionAges {
  /** In order of last use. */
  readonly #used = new Map<number, Age>()
  /** Sessions that are too young to be evicted for a larger one, in order of creation. */
  readonly #young = new Set<number>()
  /** The other sessions, by size. */
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

  /** The session to evict for a new one of this size; undefined when no session can be evicted. */
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
