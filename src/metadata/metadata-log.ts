import type { MetadataStore } from '../ports/world.ts'

/**
 * A metadata log that can be replaced by a snapshot.
 *
 * Contract: records of `append` and `replace` reach the disk in the order of the calls, whether or not earlier calls have resolved.
 * Neither ever rejects: a log that cannot be written stops the node.
 */
export interface MetadataLog extends MetadataStore {
  /** Size of the log on disk. */
  readonly bytes: number
  /** The disk is full: the remaining space is reserved for records that free space. */
  readonly isFull: boolean
  /** Replaces the whole log by these records, which produce the same image: all or nothing. */
  replace(records: readonly Uint8Array[]): Promise<void>
}
