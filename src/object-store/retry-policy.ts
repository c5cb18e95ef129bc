import type { FaultKind, StoreOperation } from '../ports.ts'
import { faultTable } from './store-faults.ts'

/** How often and how patiently an operation is tried. Times in milliseconds. */
export interface RetryRow {
  readonly triesMax: number
  /** The first pause is up to this long, each further one up to twice the last. */
  readonly pauseMs: number
  readonly pauseMaxMs: number
}

const patient: RetryRow = { triesMax: 20, pauseMs: 50, pauseMaxMs: 5000 }

/** Every operation may be repeated: puts write the same bytes under the same key, parts have numbers, removals stay removals. */
export const retryTable: Readonly<Record<StoreOperation, RetryRow>> = {
  put: patient,
  get: patient,
  size: patient,
  upload: patient,
  copy: patient,
  remove: patient,
  list: patient,
  // Housekeeping comes round again.
  abandon: { ...patient, triesMax: 3 },
}

/** A store that asks for less gets it: the first pause is this much longer. */
const throttledFactor = 4

/** A wrong clock or old credentials are put right by the first answer; a second one means that they are not. */
const correctedTriesMax = 3

export interface Try {
  readonly fault: FaultKind
  /** How many there have been. */
  readonly tries: number
  readonly elapsedMs: number
  /** When the operation has to have ended. */
  readonly totalMs: number
  /** In [0, 1): many who failed together must not come back together. */
  readonly random: number
}

/** How long to pause before the next try; undefined to answer with the fault. */
export function pauseBefore(row: RetryRow, { fault, tries, elapsedMs, totalMs, random }: Try): number | undefined {
  const { retry, slower } = faultTable[fault]
  const isCorrected = fault === 'skewed' || fault === 'expired'
  if (!retry || tries >= (isCorrected ? Math.min(correctedTriesMax, row.triesMax) : row.triesMax)) return undefined
  const cap = Math.min(row.pauseMaxMs, row.pauseMs * (slower ? throttledFactor : 1) * 2 ** (tries - 1))
  const pause = Math.floor(random * cap)
  return elapsedMs + pause < totalMs ? pause : undefined
}
