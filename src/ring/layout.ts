import { layout } from '../base/layout.ts'

/** State shared by the two ends of a ring, besides the messages. Positions count words, never restart, and wrap at 2^32. */
export const ringTable = {
  tail: { line: 0, writer: 'producer', about: 'end of the last published frame' },
  head: { line: 1, writer: 'consumer', about: 'end of the last released frame' },
} as const

export const ringHeader = layout(ringTable)

/** A wake signal necessarily has two writers: the sleeper sets it, the waking thread clears it. It has a cache line of its own. */
export const signalBytes = 128
