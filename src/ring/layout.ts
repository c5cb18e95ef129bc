import { layout } from '../base/layout.ts'

/** What the two ends of a ring share, besides the frames. Positions count words for ever and wrap at 2^32. */
export const ringTable = {
  tail: { line: 0, writer: 'producer', about: 'end of the last published frame' },
  head: { line: 1, writer: 'consumer', about: 'end of the last released frame' },
} as const

export const ringHeader = layout(ringTable)

/** A bell has two writers by nature: the sleeper sets it, whoever wakes the sleeper clears it. It has a line to itself. */
export const bellBytes = 128
