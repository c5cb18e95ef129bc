/** How the write-ahead log is emptied into objects. Sizes in bytes of the log that are not stored. */
export interface SealPolicy {
  /** In a quiet moment storing begins with this much, and ends with half of it. */
  readonly quietBytes: number
  /** With this much it begins at any time, and ends a quarter lower. */
  readonly urgentBytes: number
  /** The part of the log that becomes one object. */
  readonly objectBytes: number
}

const objectBytesMax = 32 << 20

/**
 * What stays in the log costs nothing but recovery time; storing costs the disk a read and a second write, behind which
 * the log's own writes wait. So the log takes a burst up to three quarters of its size, and is emptied in the pauses.
 */
export const sealPolicy = (capacity: number): SealPolicy => ({
  quietBytes: capacity / 4,
  urgentBytes: (capacity / 4) * 3,
  objectBytes: Math.min(objectBytesMax, capacity / 16),
})

/** What the keeper of the store sees of the log. Positions in bytes. */
export interface LogState {
  readonly stored: number
  readonly durable: number
  /** Nothing was appended since the last look. */
  readonly isQuiet: boolean
  /** The last look found something to do. */
  readonly isStoring: boolean
}

/** Up to which position the next object goes; undefined when there is nothing to do yet. */
export function nextSeal(policy: SealPolicy, { stored, durable, isQuiet, isStoring }: LogState): number | undefined {
  const waiting = durable - stored
  const urgent = isStoring ? (policy.urgentBytes / 4) * 3 : policy.urgentBytes
  const quiet = isStoring ? policy.quietBytes / 2 : policy.quietBytes
  if (waiting < urgent && !(isQuiet && waiting >= quiet)) return undefined
  return Math.min(durable, stored + policy.objectBytes)
}
