import type { MetadataStore } from '../ports.ts'

/**
 * A metadata log that can begin anew.
 *
 * Contract: what `append` and `replace` are given reaches the disk in the order of the calls, whether or not earlier ones have resolved.
 * Neither ever rejects: a log that cannot be written stops the node.
 */
export interface MetadataLog extends MetadataStore {
  /** What the log takes on disk. */
  readonly bytes: number
  /** The disk is full: there is room for little more than what frees space. */
  readonly isFull: boolean
  /** Puts these records, which say the same, in place of everything so far: all or nothing. */
  replace(records: readonly Uint8Array[]): Promise<void>
}

/** A log this much larger than its last snapshot is rewritten. */
export const snapshotAfterBytes = 8 << 20
