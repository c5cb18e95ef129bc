/** A bound on bytes that several share: who takes some gives them back. */
export class Allowance {
  #free: number

  constructor(bytes: number) {
    this.#free = bytes
  }

  get freeBytes(): number {
    return this.#free
  }

  /** False when there are not so many left; then none are taken. */
  take(bytes: number): boolean {
    if (bytes > this.#free) return false
    this.#free -= bytes
    return true
  }

  give(bytes: number): void {
    this.#free += bytes
  }
}
