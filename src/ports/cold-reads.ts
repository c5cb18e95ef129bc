import type { PartitionId } from './partitions.ts'

/** Location of bytes in the write-ahead log. */
export interface WalRange {
  readonly position: number
  readonly bytes: number
}

export const walBytes = (ranges: readonly WalRange[]): number => ranges.reduce((sum, { bytes }) => sum + bytes, 0)

/**
 * A read of records that are not in the log cache. Ranges refer to the WAL of the lane, the offset of a partition to the object store. A read with
 * `mayWait` waits until there is memory for it.
 */
export type ColdRead =
  | { readonly type: 'ranges'; readonly lane: number; readonly ranges: readonly WalRange[]; readonly mayWait: boolean }
  | {
      readonly type: 'partition'
      readonly partitionId: PartitionId
      readonly offset: number
      readonly bytesMax: number
      readonly mayWait: boolean
    }

/**
 * Result of a cold read: in its own memory, or leased pieces of the block memory. `pin` is released when the records are no longer read; -1
 * if there is nothing to release.
 */
export type Loaded =
  | { readonly pin: number; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly pin: number; readonly ranges: readonly LeasedRange[] }

/** Bytes of the block memory. */
export interface LeasedRange {
  readonly address: number
  readonly bytes: number
}
