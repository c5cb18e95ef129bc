import { setTimeout as pause } from 'node:timers/promises'

const codes: readonly (string | undefined)[] = ['ENOSPC', 'EDQUOT']

/** Whether a write failed because the file system or a quota has no room. */
export const isNoRoom = (error: unknown): boolean => codes.includes((error as NodeJS.ErrnoException).code)

/** Delay before a write that found no room is retried. */
const retryMs = 500

/** Writers that wait for room on the disk, by name. Each name is reported once when it starts to wait, and once when it continues. */
export class DiskRoom {
  readonly #onChange: (what: string, isFull: boolean) => void
  readonly #waiting = new Set<string>()
  #isClosed = false

  constructor(onChange: (what: string, isFull: boolean) => void) {
    this.#onChange = onChange
  }

  /** Number of writers that wait. */
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
   * Repeats a write until there is room for it. The write must tolerate a partial failure: the next attempt overwrites its remains. Rejects
   * with any other error, and when the node stops in the meantime.
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

  /** Waiting writes are attempted once more and then rejected. */
  close(): void {
    this.#isClosed = true
  }
}
