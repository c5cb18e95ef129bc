import type { BufferLease } from './request-queue.ts'

/**
 * Lease of memory of one log cache, at [base, base + bytes) of the arena. The callback sets the part that the sequencer keeps pinned; 0
 * bytes release it.
 */
export function logLease(
  { base, bytes }: { readonly base: number; readonly bytes: number },
  setPinned: (start: number, bytes: number) => void,
): BufferLease {
  let isOut = true
  const release = (): void => {
    if (isOut) setPinned(0, 0)
    isOut = false
  }
  return {
    keep: (start, end) => {
      // The other bytes of the response may be in the log caches of other lanes.
      const [from, to] = [Math.max(start, base), Math.min(end, base + bytes)]
      if (from >= to) release()
      else if (isOut) setPinned(from, to - from)
    },
    release,
    end: release,
  }
}

/** The response also has parts in the log cache of another lane. */
export const withLog = (lease: BufferLease | undefined, other: BufferLease): BufferLease =>
  lease === undefined
    ? other
    : {
        keep: (start, end) => {
          lease.keep(start, end)
          other.keep(start, end)
        },
        release: () => {
          lease.release()
          other.release()
        },
        end: () => {
          lease.end()
          other.end()
        },
      }

/** The response also has parts in the block cache. */
export const withBlocks = (log: BufferLease | undefined, releaseBlocks: () => void): BufferLease => ({
  keep: (start, end) => log?.keep(start, end),
  release: () => log?.release(),
  end: () => {
    log?.end()
    releaseBlocks()
  },
})
