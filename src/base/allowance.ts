/** A bound on bytes that several share: who takes some gives them back. */
export class Allowance {
  #free: number

  constructor(bytes: number) {
    this.#free = bytes
  }

  get freeBytes(): number {
    return this.#free
  }

  /** False when there are not so many left, beside what is to be left for others; then none are taken. */
  take(bytes: number, left = 0): boolean {
    if (bytes + left > this.#free) return false
    this.#free -= bytes
    return true
  }

  give(bytes: number): void {
    this.#free += bytes
  }
}
