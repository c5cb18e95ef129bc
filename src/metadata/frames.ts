import { record } from '../base/layout.ts'
import { crc32c } from '../wire/crc32c.ts'

/**
 * A frame contains records that become durable together: a header, then each record with a length prefix.
 * It is the unit of a torn write: each frame is written after the previous one is durable.
 */
const header = record({ magic: 'u32', size: 'u32', count: 'u32', crc: 'u32' })
const frameMagic = 0x4d46524d // "MRFM"
/** Start of the log, which identifies the file type; the last byte is the format version. */
export const signature = Buffer.from('MRMETA\0\x01', 'latin1')
export const frameBytesMax = 64 << 20

export function encodeFrame(records: readonly Uint8Array[]): Buffer {
  const size = records.reduce((sum, each) => sum + 4 + each.length, 0)
  const frame = Buffer.alloc(header.bytes + size)
  frame.writeUInt32LE(frameMagic, header.magic)
  frame.writeUInt32LE(size, header.size)
  frame.writeUInt32LE(records.length, header.count)
  let at: number = header.bytes
  for (const each of records) {
    at = frame.writeUInt32LE(each.length, at)
    frame.set(each, at)
    at += each.length
  }
  frame.writeUInt32LE(checksum(frame), header.crc)
  return frame
}

const recordsPerFrame = 1000

/** A snapshot of the image may exceed one frame. */
export function encodeFrames(records: readonly Uint8Array[]): Buffer[] {
  const found: Buffer[] = []
  for (let first = 0, next = 0; first < records.length; first = next) {
    let bytes = 0
    for (next = first; next < records.length && next - first < recordsPerFrame; next++) {
      bytes += 4 + records[next]!.length
      if (next > first && bytes > frameBytesMax) break
    }
    found.push(encodeFrame(records.slice(first, next)))
  }
  return found
}

/** Covers all bytes of the frame except this field. */
const checksum = (frame: Buffer): number => crc32c(frame.subarray(header.bytes), 0, undefined, crc32c(frame.subarray(0, header.crc)))

/**
 * An empty frame that follows each durable frame. A torn write has none after it, so damage to the last frame with records is not
 * mistaken for a torn write. It needs no sync of its own: the next frame's sync covers it at the latest.
 */
export const mark = encodeFrame([])

/** The frame at `at`, if it is complete. */
function frameAt(log: Buffer, at: number): Buffer | undefined {
  if (at + header.bytes > log.length || log.readUInt32LE(at + header.magic) !== frameMagic) return undefined
  const size = log.readUInt32LE(at + header.size)
  if (size > frameBytesMax || at + header.bytes + size > log.length) return undefined
  const frame = log.subarray(at, at + header.bytes + size)
  return checksum(frame) === frame.readUInt32LE(header.crc) ? frame : undefined
}

export interface ReadLog {
  readonly records: readonly Uint8Array[]
  /** End of the complete frames. */
  readonly end: number
  /** A complete frame after unreadable bytes: the bytes between were durable, and are damaged. */
  readonly beyond: number | undefined
}

/** Reads frames up to the first incomplete one, and searches for a complete one after it. */
export function readFrames(log: Buffer): ReadLog {
  const records: Uint8Array[] = []
  let at = signature.length
  for (let frame = frameAt(log, at); frame !== undefined; frame = frameAt(log, at)) {
    for (let from: number = header.bytes, left = frame.readUInt32LE(header.count); left > 0; left--) {
      const length = frame.readUInt32LE(from)
      records.push(frame.subarray(from + 4, from + 4 + length))
      from += 4 + length
    }
    at += frame.length
  }
  const magic = Buffer.alloc(4)
  magic.writeUInt32LE(frameMagic)
  let beyond = log.indexOf(magic, at + 1)
  while (beyond >= 0 && frameAt(log, beyond) === undefined) beyond = log.indexOf(magic, beyond + 1)
  return { records, end: at, beyond: beyond < 0 ? undefined : beyond }
}
