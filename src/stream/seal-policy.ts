/** How the write-ahead log is emptied into objects. Sizes in bytes. */
export interface SealPolicy {
  /** Storing begins when this much is not stored. */
  readonly startBytes: number
  /** And ends when no more than this is left. */
  readonly restBytes: number
  /** The part of the log that becomes one object. */
  readonly objectBytes: number
}

const objectBytesMax = 32 << 20
const startBytesMax = 512 << 20

/**
 * What stays in the log costs nothing but recovery time, and what is stored costs a second write; so storing waits until
 * the log is a quarter full, and stops well before it would have to hurry.
 */
export const sealPolicy = (capacity: number): SealPolicy => {
  const startBytes = Math.min(startBytesMax, capacity / 4)
  return { startBytes, restBytes: startBytes / 2, objectBytes: Math.min(objectBytesMax, capacity / 16) }
}

/** Up to which position the next object goes; undefined when there is nothing to do yet. */
export function nextSeal(policy: SealPolicy, storing: boolean, stored: number, durable: number): number | undefined {
  const waiting = durable - stored
  if (waiting < (storing ? policy.restBytes : policy.startBytes)) return undefined
  return Math.min(durable, stored + policy.objectBytes)
}
