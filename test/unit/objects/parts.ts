import type { StoredPart } from '../../../src/ports/stored-objects.ts'

/** Ten offsets of partition 1 in an object of their own, numbered like the first of them. */
export const part = (start: number, bytes: number, maxTimestamp: number): StoredPart => ({
  partitionId: 1,
  objectId: start,
  objectBytes: 1000,
  start,
  end: start + 10,
  bytes,
  maxTimestamp,
})
