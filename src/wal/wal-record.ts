import { record } from '../base/layout.ts'

/**
 * A write-ahead log record is a header and, for a batch, its bytes. Little-endian, 8-byte aligned; a header never
 * crosses a block.
 *
 * The body is covered by the batch's own CRC-32C. What that does not cover (base offset, length, leader epoch, the CRC
 * itself) is repeated in the header, which has a CRC of its own. `position` is absolute, so a record of an earlier lap
 * is recognised; `previous` chains the records, so nothing behind a hole is believed; `incarnation` counts starts, so
 * what an earlier life wrote beyond its last whole record is never believed either.
 */
export const walRecord = record({
  magic: 'u32',
  crc: 'u32',
  position: 'u64',
  previous: 'u64',
  durable: 'u64',
  baseOffset: 'i64',
  stream: 'u32',
  leaderEpoch: 'i32',
  length: 'u32',
  batchCrc: 'u32',
  incarnation: 'u32',
  kind: 'u32',
})

export const walMagic = 0x4d5f4c57 // "WL_M"

/**
 * Where the log was cut. What lies behind the cut is believed only as the successor of the record in front of it: at
 * `trimmed` itself, an earlier life may have left a record that never counted.
 */
export interface TrimPoint {
  /** First position that is kept. */
  readonly trimmed: number
  /** Position of the last record in front of it, and the life that wrote it: 0 for none. */
  readonly previous: number
  readonly previousIncarnation: number
}

/** `jump`: the log goes on `bytes` behind this header; what lies between means nothing. */
export const walKind = { batch: 1, jump: 2 } as const

/** The unit of direct I/O, and the granularity at which a group of records is made durable. */
export const blockBytes = 4096

export const alignRecord = (position: number): number => Math.ceil(position / 8) * 8
export const alignBlock = (position: number): number => Math.ceil(position / blockBytes) * blockBytes

/**
 * The CRC covers everything behind itself, and begins with the log's secret: bytes of a client that look like a header are
 * taken for one by chance alone, should a torn write lay them bare.
 */
export const crcStart = walRecord.position
export const crcBytes = walRecord.bytes - crcStart

/** What the file says of the log. */
export interface WalState extends TrimPoint {
  readonly capacity: number
  /** Starts so far, this one included. */
  readonly incarnation: number
  /** Of this log alone; the sums of its headers begin with it. 32 bits. */
  readonly secret: number
}
