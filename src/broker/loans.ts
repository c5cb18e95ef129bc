import type { Loan } from './channel.ts'

/** Memory of the log: `tell` has the sequencer keep no more than a part of it, or nothing where that has no bytes. */
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

/** The same response lies in block memory, too. */
export const withBlocks = (log: Loan | undefined, giveBlocksBack: () => void): Loan => ({
  keep: (start, end) => log?.keep(start, end),
  giveBack: () => log?.giveBack(),
  end: () => {
    log?.end()
    giveBlocksBack()
  },
})
