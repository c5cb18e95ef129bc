import type { FaultKind, StoreOperation } from '../ports/object-store.ts'
import { faultTable } from './store-faults.ts'

/** Retry limits of an operation. Times in milliseconds. */
export interface RetryRow {
  readonly triesMax: number
  /** Upper limit of the first pause; it doubles with every retry. */
  readonly pauseMs: number
  readonly pauseMaxMs: number
}

const usual: RetryRow = { triesMax: 20, pauseMs: 50, pauseMaxMs: 5000 }

/** Every operation can be repeated: a put writes the same bytes under the same key, parts have numbers, and a removal can be repeated. */
export const retryTable: Readonly<Record<StoreOperation, RetryRow>> = {
  put: usual,
  get: usual,
  size: usual,
  upload: usual,
  copy: usual,
  remove: usual,
  list: usual,
  // Housekeeping runs again later.
  abandon: { ...usual, triesMax: 3 },
}

/** After throttling, the first pause is longer by this factor. */
const throttledFactor = 4

/** The first response corrects a wrong clock or old credentials. After a second one, the correction has failed. */
const correctedTriesMax = 3

export interface Try {
  readonly fault: FaultKind
  /** Number of attempts so far. */
  readonly tries: number
  readonly elapsedMs: number
  /** Maximum total time of the operation. */
  readonly totalMs: number
  /** In [0, 1): clients that failed together must not retry together. */
  readonly random: number
}

/** Pause before the next attempt; undefined to return the fault. */
export function pauseBefore(row: RetryRow, { fault, tries, elapsedMs, totalMs, random }: Try): number | undefined {
  const { retry, slower } = faultTable[fault]
  const isCorrected = fault === 'skewed' || fault === 'expired'
  if (!retry || tries >= (isCorrected ? Math.min(correctedTriesMax, row.triesMax) : row.triesMax)) return undefined
  const cap = Math.min(row.pauseMaxMs, row.pauseMs * (slower ? throttledFactor : 1) * 2 ** (tries - 1))
  const pause = Math.floor(random * cap)
  return elapsedMs + pause < totalMs ? pause : undefined
}
