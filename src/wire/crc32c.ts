/** CRC-32C (Castagnoli), eight bytes a step, for tests and cold paths. The kernel of `src/pipeline` checks batches of producers. */
const slices = 8

/** Slice k contains the contribution of a byte that is followed by k more bytes. Reflected polynomial: 0x82f63b78. */
const table = buildTable()

function buildTable(): Uint32Array {
  const words = new Uint32Array(slices * 256)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
    words[byte] = crc
  }
  for (let at = 256; at < words.length; at++) {
    const before = words[at - 256]!
    words[at] = (before >>> 8) ^ words[before & 0xff]!
  }
  return words
}

/** The checksum of bytes [start, end); `previous` is that of the bytes before them. */
export function crc32c(bytes: Uint8Array, start = 0, end: number = bytes.length, previous = 0): number {
  let crc = ~previous
  let at = start
  for (; at + 8 <= end; at += 8) {
    const low = crc ^ (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24))
    crc =
      table[0x700 + (low & 0xff)]! ^
      table[0x600 + ((low >>> 8) & 0xff)]! ^
      table[0x500 + ((low >>> 16) & 0xff)]! ^
      table[0x400 + (low >>> 24)]! ^
      table[0x300 + bytes[at + 4]!]! ^
      table[0x200 + bytes[at + 5]!]! ^
      table[0x100 + bytes[at + 6]!]! ^
      table[bytes[at + 7]!]!
  }
  for (; at < end; at++) crc = (crc >>> 8) ^ table[(crc ^ bytes[at]!) & 0xff]!
  return ~crc >>> 0
}
