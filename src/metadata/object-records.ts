import type { MetadataRecord } from './records.ts'

/** Metadata of an object in the store. */
export const committed = (
  objectId: number,
  object: {
    readonly bytes: number
    readonly streams: readonly {
      readonly stream: number
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
  streams: object.streams.map(({ stream, start, end, bytes, maxTimestamp }) => ({
    stream,
    start: BigInt(start),
    end: BigInt(end),
    bytes,
    maxTimestamp: BigInt(maxTimestamp),
  })),
})
