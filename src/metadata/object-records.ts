import type { MetadataRecord } from './records.ts'

/** Metadata of an object in the store. */
export const committed = (
  objectId: number,
  object: {
    readonly bytes: number
    readonly parts: readonly {
      readonly partitionId: number
      readonly start: number
      readonly end: number
      readonly bytes: number
      readonly maxTimestamp: number
    }[]
  },
): MetadataRecord => ({
  type: 'objectCommitted',
  objectId,
  bytes: object.bytes,
  parts: object.parts.map(({ partitionId, start, end, bytes, maxTimestamp }) => ({
    partitionId,
    start: BigInt(start),
    end: BigInt(end),
    bytes,
    maxTimestamp: BigInt(maxTimestamp),
  })),
})
