import { record } from '../base/layout.ts'

/**
 * A WAL record is a header and, for a batch, its bytes. Little-endian, 8-byte aligned; a header never crosses a block.
 *
 * The body is covered by the batch's own CRC-32C. Fields outside that CRC (base offset, length, leader epoch, the CRC itself) are repeated
 * in the header, which has its own CRC. `position` is absolute, so a record of an earlier lap is detected. `previous` links the records, so
 * records after a gap are rejected. `incarnation` counts starts, so records of an earlier incarnation beyond its last complete record are
 * rejected too.
 */
export const walRecord = record({
  magic: 'u32',
  crc: 'u32',
  position: 'u64',
  previous: 'u64',
  durable: 'u64',
  baseOffset: 'i64',
  partitionId: 'u32',
  leaderEpoch: 'i32',
  length: 'u32',
  batchCrc: 'u32',
  incarnation: 'u32',
  kind: 'u32',
})

export const walMagic = 0x4d5f4c57

/** `jump`: the log continues `bytes` after this header; the bytes between are undefined. */
export const walKind = { batch: 1, jump: 2 } as const

/** The unit of direct I/O, and the granularity at which a group of records is made durable. */
export const blockBytes = 4096

export const alignRecord = (position: number): number => Math.ceil(position / 8) * 8
export const alignBlock = (position: number): number => Math.ceil(position / blockBytes) * blockBytes

/**
 * The CRC covers the bytes after itself and starts with the log's secret. If a torn write exposes client bytes that resemble a header, they
 * match only by chance.
 */
export const crcStart = walRecord.position
export const crcBytes = walRecord.bytes - crcStart
