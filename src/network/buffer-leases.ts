import type { BufferLease } from './request-queue.ts'

/** Lease of log cache memory. The callback sets the part that the sequencer keeps pinned; 0 bytes release it. */
export function logLease(setPinned: (start: number, bytes: number) => void): BufferLease {
  let isOut = true
  const release = (): void => {
    if (isOut) setPinned(0, 0)
    isOut = false
  }
  return {
    keep: (start, end) => {
      if (isOut) setPinned(start, end - start)
    },
    release,
    end: release,
  }
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
