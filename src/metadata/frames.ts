import { record } from '../base/layout.ts'
import { crc32c } from '../wire/crc32c.ts'

/**
 * A frame holds the records that became durable together: a header, then each record behind its length.
 * It is the unit of a torn write: frames are written one at a time, each after the one before it is durable.
 */
const header = record({ magic: 'u32', size: 'u32', count: 'u32', crc: 'u32' })
const frameMagic = 0x4d46524d // "MRFM"
/** The log begins with this, so that another file is not taken for one; the last byte is the version of the format. */
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

/** A whole image may be more than a frame holds. */
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

/** Over everything but itself. */
const checksum = (frame: Buffer): number => crc32c(frame.subarray(header.bytes), 0, undefined, crc32c(frame.subarray(0, header.crc)))

/**
 * Follows a frame that is durable: a frame of no records. A torn write leaves none behind itself, so that damage to the
 * last frame that holds records is not taken for one. It needs no sync: the disk has it soon, and with the next frame at the latest.
 */
export const mark = encodeFrame([])

/** The frame at `at`, if there is a whole one. */
function frameAt(log: Buffer, at: number): Buffer | undefined {
  if (at + header.bytes > log.length || log.readUInt32LE(at + header.magic) !== frameMagic) return undefined
  const size = log.readUInt32LE(at + header.size)
  if (size > frameBytesMax || at + header.bytes + size > log.length) return undefined
  const frame = log.subarray(at, at + header.bytes + size)
  return checksum(frame) === frame.readUInt32LE(header.crc) ? frame : undefined
}

export interface ReadLog {
  readonly records: readonly Uint8Array[]
  /** Where the whole frames end. */
  readonly end: number
  /** A whole frame that lies behind what cannot be read: what lies between was durable once, and is damaged. */
  readonly beyond: number | undefined
}

/** Reads frames up to the first that is not whole, and looks whether one follows that is. */
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
