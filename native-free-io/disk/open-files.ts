import { closeSync, openSync } from 'node:fs'

const filesMax = 32

/**
 * Files that are read repeatedly. They stay open, since the system's read-ahead is per descriptor; the descriptor of a removed file is
 * closed in its turn.
 */
export class OpenFiles {
  /** In the order of use. */
  readonly #descriptors = new Map<string, number>()

  open(path: string): number {
    const known = this.#descriptors.get(path)
    this.#descriptors.delete(path)
    const fd = known ?? openSync(path, 'r')
    this.#descriptors.set(path, fd)
    if (this.#descriptors.size > filesMax) {
      const [oldest, stale] = this.#descriptors.entries().next().value!
      this.#descriptors.delete(oldest)
      closeSync(stale)
    }
    return fd
  }
}
