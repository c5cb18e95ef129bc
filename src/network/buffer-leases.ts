import type { BufferLease } from './request-queue.ts'

/** Lease of log cache memory. The callback sets the part that the sequencer keeps pinned; 0 bytes release it. */
export function logLease(tell: (start: number, bytes: number) => void): BufferLease {
  let isOut = true
  const giveBack = (): void => {
    if (isOut) tell(0, 0)
    isOut = false
  }
  return {
    keep: (start, end) => {
      if (isOut) tell(start, end - start)
    },
    giveBack,
    end: giveBack,
  }
}

/** The response also has parts in the block cache. */
export const withBlocks = (log: BufferLease | undefined, giveBlocksBack: () => void): BufferLease => ({
  keep: (start, end) => log?.keep(start, end),
  giveBack: () => log?.giveBack(),
  end: () => {
    log?.end()
    giveBlocksBack()
  },
})
