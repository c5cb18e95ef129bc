import { damaged, Output } from './codecs.ts'

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

const blockBytesMax = 0x10000

/** A valid frame of independent blocks of 64 KiB, none of them compressed: enough to test those who read it. */
export function storeLz4(bytes: Uint8Array): Buffer {
  const parts: Uint8Array[] = [Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82])]
  for (let at = 0; at < bytes.length; at += blockBytesMax) {
    const part = bytes.subarray(at, at + blockBytesMax)
    const size = Buffer.alloc(4)
    size.writeUInt32LE(part.length + storedBit)
    parts.push(size, part)
  }
  return Buffer.concat([...parts, Buffer.alloc(4)])
}
