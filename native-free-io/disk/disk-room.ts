import { setTimeout as pause } from 'node:timers/promises'

const codes: readonly (string | undefined)[] = ['ENOSPC', 'EDQUOT']

/** Whether a write has failed because the file system or a quota has no room for it. */
export const isNoRoom = (error: unknown): boolean => codes.includes((error as NodeJS.ErrnoException).code)

/** How long a write that found no room waits before it is tried again. */
const retryMs = 500

/** What waits for room on the disk, by name. Each name is reported once when it begins to wait, and once when it goes on. */
export class DiskRoom {
  readonly #onChange: (what: string, isFull: boolean) => void
  readonly #waiting = new Set<string>()
  #isClosed = false

  constructor(onChange: (what: string, isFull: boolean) => void) {
    this.#onChange = onChange
  }

  /** How many writers wait. */
  get waiting(): number {
    return this.#waiting.size
  }

  note(what: string, isFull: boolean): void {
    if (this.#waiting.has(what) === isFull) return
    if (isFull) this.#waiting.add(what)
    else this.#waiting.delete(what)
    this.#onChange(what, isFull)
  }

  /**
   * Repeats a write until there is room for it. The write must be one that may fail in part: what it leaves is written over by the next
   * try. Rejects with any other error, and when the node stops meanwhile.
   */
  async untilWritten(what: string, write: () => Promise<void>): Promise<void> {
    for (;;) {
      try {
        await write()
        this.note(what, false)
        return
      } catch (error) {
        if (!isNoRoom(error) || this.#isClosed) throw error
        this.note(what, true)
        await pause(retryMs)
      }
    }
  }

  /** Writes that wait are tried once more and then given up. */
  close(): void {
    this.#isClosed = true
  }
}
