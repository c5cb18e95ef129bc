const table = new Uint32Array(256).map((_, byte) => {
  let word = byte
  for (let bit = 0; bit < 8; bit += 1) word = word & 1 ? (word >>> 1) ^ 0x82f63b78 : word >>> 1
  return word
})

/** CRC-32C (Castagnoli), one byte at a time: for frames that are built once, not for a hot path. */
export function crc32c(bytes: Uint8Array): number {
  return (crc32cRegister(bytes, 0xffffffff) ^ 0xffffffff) >>> 0
}

/** The bare register, without the inversions at both ends: linear over exclusive or. */
export function crc32cRegister(bytes: Uint8Array, start: number): number {
  let word = start
  for (let i = 0; i < bytes.length; i += 1) word = table[(word ^ bytes[i]!) & 0xff]! ^ (word >>> 8)
  return word >>> 0
}
