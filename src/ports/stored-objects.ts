import type { PartitionId } from './partitions.ts'

/** Index entry of a data block of an object. */
export interface DataBlock {
  readonly baseOffset: number
  /** Offset after its last record. */
  readonly end: number
  readonly position: number
  readonly bytes: number
  /** CRC-32C, signed. Null: the block is one batch, and the checksum in the batch counts. */
  readonly crc: number | null
  readonly maxTimestamp: number
}

/** A partition's part of an object: all of its remaining offsets from `start` up to `end`. */
export interface PartitionRange {
  readonly partitionId: PartitionId
  readonly start: number
  readonly end: number
}

/** The same part, as recorded in the metadata. */
export interface ObjectPart extends PartitionRange {
  /** Size of this part. */
  readonly bytes: number
  /** Of its records, milliseconds since 1970. */
  readonly maxTimestamp: number
}

/** Contents of an object, as its builder reports them. */
export interface ObjectContents {
  /** Size of the whole object. */
  readonly bytes: number
  readonly parts: readonly ObjectPart[]
}

/** An object in the store. Ids are never reused. */
export interface StoredObject extends ObjectContents {
  readonly objectId: number
}

/** An object's part of one partition. */
export interface StoredPart extends ObjectPart {
  readonly objectId: number
  /** Size of the whole object. */
  readonly objectBytes: number
}
