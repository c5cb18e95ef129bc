const castagnoli = 0x82f63b78
const table = new Uint32Array(256).map((_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ castagnoli : crc >>> 1
  return crc
})

/** CRC-32C a byte at a time: for metadata, which is little. Batches have the kernel's. A result may seed the next piece. */
export function crc32c(bytes: Uint8Array, seed = 0): number {
  let crc = ~seed
  for (let i = 0; i < bytes.length; i++) crc = (crc >>> 8) ^ table[(crc ^ bytes[i]!) & 0xff]!
  return ~crc >>> 0
}
