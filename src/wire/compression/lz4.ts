import { blockBytesMax, matches } from './matches.ts'
import { Output } from './output.ts'

/* LZ4 frames, writing. Sources: LZ4 Frame Format 1.6.1, LZ4 Block Format. */
const storedBit = 0x80000000
const minMatch = 4

/** Version 1, independent blocks of up to 64 KiB, no checksums but that of the header. */
const frameStart = Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82])
const frameEnd = Buffer.alloc(4)

/** One frame. `effort`: how many earlier places are compared at each place. */
export function packLz4(bytes: Uint8Array, effort: number): Buffer {
  const parts: Uint8Array[] = [frameStart]
  for (let at = 0; at < bytes.length; at += blockBytesMax) {
    const end = Math.min(bytes.length, at + blockBytesMax)
    const packed = packBlock(bytes, at, end, effort)
    const size = Buffer.alloc(4)
    size.writeUInt32LE(packed?.length ?? end - at + storedBit)
    parts.push(size, packed ?? bytes.subarray(at, end))
  }
  return Buffer.concat([...parts, frameEnd])
}

/** Undefined where it would be no smaller. */
function packBlock(bytes: Uint8Array, start: number, end: number, effort: number): Buffer | undefined {
  matches.find(bytes, start, end, effort)
  const out = new Output(end - start, packedBytesMax)
  let at = start
  for (let i = 0; i <= matches.count; i++) {
    const isLast = i === matches.count
    const literals = isLast ? end - at : matches.literals[i]!
    const copied = isLast ? 0 : matches.lengths[i]! - minMatch
    out.byte((Math.min(15, literals) << 4) | Math.min(15, copied))
    putRest(out, literals)
    out.literal(bytes, at, literals)
    if (isLast) break
    out.byte(matches.distances[i]! & 0xff)
    out.byte(matches.distances[i]! >>> 8)
    putRest(out, copied)
    at += literals + matches.lengths[i]!
  }
  return out.at < end - start ? out.finished() : undefined
}
/** Nothing but literals, whose number takes a byte for each 255. */
const packedBytesMax = blockBytesMax + Math.ceil(blockBytesMax / 255) + 16

/** What a length has beyond the 15 of its token. */
function putRest(out: Output, length: number): void {
  if (length < 15) return
  let rest = length - 15
  for (; rest >= 255; rest -= 255) out.byte(255)
  out.byte(rest)
}
