import { assert } from '../base/assert.ts'

/** Numbers of open connections by the address of the client. */
export class HostCounts {
  readonly #counts = new Map<string, number>()

  /** Returns the number with the new connection. */
  add(host: string): number {
    const count = (this.#counts.get(host) ?? 0) + 1
    this.#counts.set(host, count)
    return count
  }

  remove(host: string): void {
    const left = (this.#counts.get(host) ?? 0) - 1
    assert(left >= 0, 'each connection is counted for its host')
    if (left > 0) this.#counts.set(host, left)
    else this.#counts.delete(host)
  }
}
