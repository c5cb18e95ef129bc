import { blockBytesMax, matches } from './matches.ts'
import { damaged, Output } from './output.ts'

/**
 * LZ4 frames. Checksums inside a frame are passed over: the batch around it has one.
 * Absent: dictionaries, which no Kafka client uses.
 */
const magic = 0x184d2204
const flag = { version: 0xc0, blockChecksum: 0x10, contentSize: 0x08, contentChecksum: 0x04, dictionary: 0x01 } as const
const versionOne = 0x40
const storedBit = 0x80000000
const minMatch = 4

export function unpackLz4(bytes: Buffer, bytesMax: number): Buffer {
  const out = new Output('lz4', bytes.length * 4, bytesMax)
  let at = 0
  do at = unpackFrame(bytes, at, out)
  while (at < bytes.length)
  return out.finished()
}

/** The result is where the next frame begins. */
function unpackFrame(bytes: Buffer, start: number, out: Output): number {
  if (word(bytes, start) !== magic) throw damaged('lz4', 'no frame begins here')
  const flags = bytes[start + 4] ?? 0
  if ((flags & flag.version) !== versionOne || flags & flag.dictionary) throw damaged('lz4', `a frame with flags ${flags}`)
  let at = start + 7 + (flags & flag.contentSize ? 8 : 0)
  for (;;) {
    const size = word(bytes, at)
    at += 4
    if (size === 0) break
    const length = size >= storedBit ? size - storedBit : size
    if (length > bytes.length - at) throw damaged('lz4', `a block of ${length} bytes, where ${bytes.length - at} are left`)
    if (size >= storedBit) out.literal(bytes, at, length)
    else unpackBlock(bytes.subarray(at, at + length), out)
    at += length + (flags & flag.blockChecksum ? 4 : 0)
  }
  at += flags & flag.contentChecksum ? 4 : 0
  if (at > bytes.length) throw damaged('lz4', 'the end of a frame is cut off')
  return at
}

/** Literals and copies in turn; the last has no copy. */
function unpackBlock(from: Buffer, out: Output): void {
  let at = 0
  while (at < from.length) {
    const token = from[at++]!
    let count = token >>> 4
    if (count === 15) for (let more = 255; more === 255; count += more) more = byte(from, at++)
    out.literal(from, at, count)
    at += count
    if (at === from.length) return
    const distance = byte(from, at) | (byte(from, at + 1) << 8)
    at += 2
    count = token & 15
    if (count === 15) for (let more = 255; more === 255; count += more) more = byte(from, at++)
    out.copy(distance, count + minMatch)
  }
}

function word(bytes: Buffer, at: number): number {
  if (at + 4 > bytes.length) throw damaged('lz4', 'a word is cut off')
  return bytes.readUInt32LE(at)
}

function byte(from: Buffer, at: number): number {
  const found = from[at]
  if (found === undefined) throw damaged('lz4', 'a block is cut off')
  return found
}

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
  const out = new Output('lz4', end - start, packedBytesMax)
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
