import { closeSync, openSync } from 'node:fs'
import { unlessMissing } from './unless-missing.ts'

/**
 * Files that are read repeatedly. They stay open, since the system's read-ahead is per descriptor; the descriptor of a removed file is
 * closed in its turn.
 */
export class OpenFiles {
  readonly #filesMax: number
  /** In the order of use. */
  readonly #descriptors = new Map<string, number>()

  constructor(filesMax: number) {
    this.#filesMax = filesMax
  }

  /** Undefined if the file does not exist. */
  open(path: string): number | undefined {
    const fd = this.#descriptors.get(path) ?? unlessMissing(() => openSync(path, 'r'))
    this.#descriptors.delete(path)
    if (fd === undefined) return undefined
    this.#descriptors.set(path, fd)
    if (this.#descriptors.size > this.#filesMax) {
      const [oldest, stale] = this.#descriptors.entries().next().value!
      this.#descriptors.delete(oldest)
      closeSync(stale)
    }
    return fd
  }
}
