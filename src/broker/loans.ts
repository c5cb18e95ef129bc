import type { Loan } from './channel.ts'

/** Lease of log cache memory: the callback sets the part that the sequencer keeps pinned; 0 bytes release it. */
export function logLoan(tell: (start: number, bytes: number) => void): Loan {
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
export const withBlocks = (log: Loan | undefined, giveBlocksBack: () => void): Loan => ({
  keep: (start, end) => log?.keep(start, end),
  giveBack: () => log?.giveBack(),
  end: () => {
    log?.end()
    giveBlocksBack()
  },
})
