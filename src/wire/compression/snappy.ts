import { blockBytesMax, matches } from './matches.ts'
import { Output } from './output.ts'

/** Snappy, writing, in the frames of Java's library: a magic of eight bytes, two versions, then blocks behind their lengths. */
const magic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0])

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
  const out = new Output(end - start, 2 * (end - start) + elementBytesMax)
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

/** In pieces of 64 bytes, the longest that one element can encode. */
function putCopy(out: Output, distance: number, length: number): void {
  for (let left = length; left > 0; left -= 64) {
    out.byte(2 | ((Math.min(64, left) - 1) << 2))
    out.byte(distance & 0xff)
    out.byte(distance >>> 8)
  }
}
