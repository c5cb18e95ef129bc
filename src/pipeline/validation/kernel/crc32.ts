/** CRC-32 of gzip. Source: RFC 1952, section 8; Kounavis and Berry, slicing by tables. */
const polynomial: u32 = 0xedb88320
const tableBytes: usize = 1024
export const crc32TablesBytes: usize = 16 * tableBytes

/** The tables: of table k, entry b is what byte b leaves after k more zero bytes. */
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

/** Adds bytes to a CRC as it is between pieces: not inverted. */
function addBytes(tables: usize, crc: u32, from: usize, end: usize): u32 {
  while (end - from >= 16) {
    crc = ofWord(tables, 15, load<u64>(from) ^ <u64>crc) ^ ofWord(tables, 7, load<u64>(from, 8))
    from += 16
  }
  while (from < end) {
    crc = (crc >>> 8) ^ entryOf(tables, 0, (crc ^ <u32>load<u8>(from)) & 0xff)
    from++
  }
  return crc
}

/**
 * Long regions become short ones first. With y for x^128, the polynomial divides 1 + y^45 + y^53 + y^74 + y^80 + y^120 + y^123: so a vector
 * of 16 bytes may be taken out when it is added to those 3, 43, 49, 70, 78 and 123 vectors behind it. (The sum was found by search; it is
 * the shortest of seven terms.) What is left in the end are 123 vectors.
 */
namespace fold {
  export const vectors: usize = 123
  export const bytes: usize = vectors * 16
  export const chunkVectors: usize = 256
  /** A region must be this long for it to pay. */
  export const bytesMin: usize = 4096
}
/** Scratch of `crc32`: vectors that were taken out, and those that are left. */
export const crc32ScratchBytes: usize = (fold.vectors + fold.chunkVectors) * 16

/** A vector of the region, with what those before it have added; `at` lies 123 vectors before its place. */
// @ts-ignore: decorator
@inline function folded(at: usize, vector: v128): v128 {
  const near = v128.xor(v128.load(at, 120 * 16), v128.load(at, 80 * 16))
  const middle = v128.xor(v128.load(at, 74 * 16), v128.load(at, 53 * 16))
  const far = v128.xor(v128.load(at, 45 * 16), v128.load(at))
  return v128.xor(v128.xor(vector, near), v128.xor(middle, far))
}

function foldBytes(tables: usize, scratch: usize, crc: u32, from: usize, vectors: usize): u32 {
  memory.fill(scratch, 0, fold.bytes)
  let left = vectors - fold.vectors
  let first = i32x4(crc, 0, 0, 0)
  while (left > 0) {
    let at = scratch
    const chunk = min(left, fold.chunkVectors)
    const end = at + chunk * 16
    v128.store(at, v128.xor(folded(at, v128.load(from)), first), fold.bytes)
    first = i32x4(0, 0, 0, 0)
    at += 16
    from += 16
    while (at < end) {
      v128.store(at, folded(at, v128.load(from)), fold.bytes)
      at += 16
      from += 16
    }
    left -= chunk
    memory.copy(scratch, end, fold.bytes)
  }
  // The last vectors stay: those before them are added, and they to none.
  memory.fill(scratch + fold.bytes, 0, fold.bytes)
  const rest = scratch + 2 * fold.bytes
  for (let i: usize = 0; i < fold.bytes; i += 16) v128.store(rest + i, folded(scratch + i, v128.load(from + i)))
  return addBytes(tables, 0, rest, rest + fold.bytes)
}

/** The CRC of what came before and of these bytes; 0 before the first. */
export function crc32(tables: usize, scratch: usize, crc: u32, from: usize, bytes: usize): u32 {
  const end = from + bytes
  crc = ~crc
  if (bytes >= fold.bytesMin) {
    crc = foldBytes(tables, scratch, crc, from, bytes >>> 4)
    from += bytes & ~15
  }
  return ~addBytes(tables, crc, from, end)
}
