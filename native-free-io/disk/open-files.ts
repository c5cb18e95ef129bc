import { closeSync, openSync } from 'node:fs'

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
    const fd = this.#descriptors.get(path) ?? opened(path)
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

function opened(path: string): number | undefined {
  try {
    return openSync(path, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
