/** CRC-32 of gzip, sixteen bytes at a time. Source: RFC 1952, section 8; Kounavis and Berry, slicing by tables. */
const polynomial: u32 = 0xedb88320
const tableBytes: usize = 1024
export const crc32TablesBytes: usize = 16 * tableBytes

/** The tables: of table k, entry b is what byte b leaves after k more bytes of nought. */
export function writeCrc32Tables(tables: usize): void {
  for (let byte: u32 = 0; byte < 256; byte++) {
    let word = byte
    for (let i = 0; i < 8; i++) word = (word >>> 1) ^ (polynomial & (0 - (word & 1)))
    store<u32>(tables + (byte << 2), word)
  }
  for (let at = tables + tableBytes; at < tables + crc32TablesBytes; at += 4) {
    const word = load<u32>(at - tableBytes)
    store<u32>(at, (word >>> 8) ^ load<u32>(tables + ((word & 0xff) << 2)))
  }
}

// @ts-ignore: decorator
@inline function entryOf(tables: usize, index: usize, byte: u32): u32 { return load<u32>(tables + index * tableBytes + (byte << 2)) }

// @ts-ignore: decorator
@inline function ofWord(tables: usize, index: usize, word: u64): u32 {
  const low = <u32>word
  const high = <u32>(word >>> 32)
  return (
    entryOf(tables, index, low & 0xff) ^
    entryOf(tables, index - 1, (low >>> 8) & 0xff) ^
    entryOf(tables, index - 2, (low >>> 16) & 0xff) ^
    entryOf(tables, index - 3, low >>> 24) ^
    entryOf(tables, index - 4, high & 0xff) ^
    entryOf(tables, index - 5, (high >>> 8) & 0xff) ^
    entryOf(tables, index - 6, (high >>> 16) & 0xff) ^
    entryOf(tables, index - 7, high >>> 24)
  )
}

/** The CRC of what came before and of these bytes; 0 before the first. */
export function crc32(tables: usize, crc: u32, from: usize, bytes: usize): u32 {
  const end = from + bytes
  crc = ~crc
  while (end - from >= 16) {
    crc = ofWord(tables, 15, load<u64>(from) ^ <u64>crc) ^ ofWord(tables, 7, load<u64>(from, 8))
    from += 16
  }
  while (from < end) {
    crc = (crc >>> 8) ^ entryOf(tables, 0, (crc ^ <u32>load<u8>(from)) & 0xff)
    from++
  }
  return ~crc
}
