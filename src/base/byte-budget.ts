/** A byte budget with several users: each returns the bytes that it has taken. */
export class ByteBudget {
  #free: number

  constructor(bytes: number) {
    this.#free = bytes
  }

  get freeBytes(): number {
    return this.#free
  }

  /** False when fewer bytes would remain than `left`; then none are taken. */
  take(bytes: number, left = 0): boolean {
    if (bytes + left > this.#free) return false
    this.#free -= bytes
    return true
  }

  release(bytes: number): void {
    this.#free += bytes
  }
}
