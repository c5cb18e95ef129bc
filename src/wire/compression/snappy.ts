import { blockBytesMax, matches } from './matches.ts'
import { damaged, Output } from './output.ts'

/**
 * Snappy, in the two forms that Kafka's clients send: bare, or in the frames of Java's snappy library (a magic of eight bytes, two versions,
 * then blocks behind their lengths).
 */
const magic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0])
const frameHeaderBytes = 16

export function unpackSnappy(bytes: Buffer, bytesMax: number): Buffer {
  const out = new Output('snappy', bytes.length * 4, bytesMax)
  if (!startsFrames(bytes, 0)) unpackBlock(bytes, out)
  else unpackFrames(bytes, out)
  return out.finished()
}

const startsFrames = (bytes: Buffer, at: number): boolean => magic.equals(bytes.subarray(at, at + magic.length))

function unpackFrames(bytes: Buffer, out: Output): void {
  let at = frameHeaderBytes
  if (bytes.length < at) throw damaged('snappy', 'the frame header is cut off')
  while (at < bytes.length) {
    if (startsFrames(bytes, at)) {
      at += frameHeaderBytes
      continue
    }
    if (at + 4 > bytes.length) throw damaged('snappy', 'a block length is cut off')
    const length = bytes.readInt32BE(at)
    at += 4
    if (length < 0 || length > bytes.length - at) throw damaged('snappy', `a block of ${length} bytes, where ${bytes.length - at} are left`)
    unpackBlock(bytes.subarray(at, at + length), out)
    at += length
  }
}

function unpackBlock(from: Buffer, out: Output): void {
  let at = 0
  let claimed = 0
  for (let shift = 0; ; shift += 7) {
    const byte = from[at++]
    if (byte === undefined || shift > 28) throw damaged('snappy', 'no length before a block')
    claimed += (byte & 0x7f) * 2 ** shift
    if (byte < 0x80) break
  }
  const start = out.at
  while (at < from.length) at = element(from, at, out)
  if (out.at - start !== claimed) throw damaged('snappy', `${claimed} bytes are announced, ${out.at - start} come out`)
}

/** One literal or copy; the result is where the next begins. Bytes past the end read as nought and are refused when they are used. */
function element(from: Buffer, start: number, out: Output): number {
  const tag = from[start]!
  const at = start + 1
  const length = tag >>> 2
  switch (tag & 3) {
    case 0: {
      const extra = length < 60 ? 0 : length - 59
      const count = extra === 0 ? length + 1 : little(from, at, extra) + 1
      out.literal(from, at + extra, count)
      return at + extra + count
    }
    case 1:
      out.copy(((tag >>> 5) << 8) | little(from, at, 1), (length & 7) + 4)
      return at + 1
    case 2:
      out.copy(little(from, at, 2), length + 1)
      return at + 2
    default:
      out.copy(little(from, at, 4), length + 1)
      return at + 4
  }
}

function little(from: Buffer, at: number, bytes: number): number {
  if (at + bytes > from.length) throw damaged('snappy', 'an element is cut off')
  return from.readUIntLE(at, bytes)
}

/** Version and oldest version that reads it. */
const frameStart = Buffer.concat([magic, Buffer.from([0, 0, 0, 1, 0, 0, 0, 1])])

/** In the frames of Java's library, as Java's client writes them. */
export function packSnappy(bytes: Uint8Array): Buffer {
  const parts: Uint8Array[] = [frameStart]
  for (let at = 0; at < bytes.length; at += blockBytesMax) {
    const block = packBlock(bytes, at, Math.min(bytes.length, at + blockBytesMax))
    const size = Buffer.alloc(4)
    size.writeInt32BE(block.length)
    parts.push(size, block)
  }
  return Buffer.concat(parts)
}

function packBlock(bytes: Uint8Array, start: number, end: number): Buffer {
  matches.find(bytes, start, end, 1)
  const out = new Output('snappy', end - start, 2 * (end - start) + elementBytesMax)
  let rest = end - start
  for (; rest > 0x7f; rest >>>= 7) out.byte((rest & 0x7f) | 0x80)
  out.byte(rest)
  let at = start
  for (let i = 0; i < matches.count; i++) {
    putLiterals(out, bytes, at, matches.literals[i]!)
    putCopy(out, matches.distances[i]!, matches.lengths[i]!)
    at += matches.literals[i]! + matches.lengths[i]!
  }
  putLiterals(out, bytes, at, end - at)
  return out.finished()
}
const elementBytesMax = 8

function putLiterals(out: Output, bytes: Uint8Array, at: number, count: number): void {
  if (count === 0) return
  const last = count - 1
  if (last < 60) out.byte(last << 2)
  else {
    out.byte((last < 0x100 ? 60 : 61) << 2)
    out.byte(last & 0xff)
    if (last >= 0x100) out.byte(last >>> 8)
  }
  out.literal(bytes, at, count)
}

/** In pieces of 64 bytes, as long as one element can say. */
function putCopy(out: Output, distance: number, length: number): void {
  for (let left = length; left > 0; left -= 64) {
    out.byte(2 | ((Math.min(64, left) - 1) << 2))
    out.byte(distance & 0xff)
    out.byte(distance >>> 8)
  }
}
