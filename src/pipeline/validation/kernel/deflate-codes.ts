import { job } from './job.ts'

/**
 * Tables of DEFLATE's codes. Source: RFC 1951, section 3.2; which codes are rejected, from zlib. The way of building is libdeflate's.
 *
 * An entry is 32 bits: `literal`; the byte of a literal or the base of a length or distance (from 16); `exceptional`, with `end`, or
 * `further` (then: where a second table begins, from 16), or alone where no code is; bits of the code (from 8); bits to take in all (from 0).
 */
export namespace entry {
  export const literal: u32 = 0x80000000
  export const exceptional: u32 = 0x8000
  export const further: u32 = 0x4000
  export const end: u32 = 0x2000
}

/** Where the tables lie in a job, as byte offsets from its address. */
export namespace deflate {
  export const lengthBits: u32 = 11
  export const distanceBits: u32 = 8
  /** With the second tables of a complete code of 288 and 32 symbols of up to 15 bits, there are at most 2,342 and 402 entries. */
  export const lengths: usize = job.tables
  export const distances: usize = lengths + 2368 * 4
  export const precode: usize = distances + 416 * 4
  /** Entries of symbols, without the bits of their codes. */
  export const lengthSymbols: usize = precode + 128 * 4
  export const distanceSymbols: usize = lengthSymbols + 288 * 4
  export const precodeSymbols: usize = distanceSymbols + 32 * 4
  /** Code lengths as a block gives them: up to 286 + 30, and 16 more that a repeat may pass. */
  export const codeLengths: usize = precodeSymbols + 32 * 4
  export const scratch: usize = codeLengths + 352
}
const bitsMax: u32 = 15
const precodeBitsMax: u32 = 7

namespace scratch {
  /** For each length: how many codes, and where the next goes among the sorted. */
  export const counts: usize = 0
  export const places: usize = 64
  export const sorted: usize = 128
}

export function writeSymbols(at: usize): void {
  const lengths = at + deflate.lengthSymbols
  for (let symbol: u32 = 0; symbol < 256; symbol++) store<u32>(lengths + (symbol << 2), entry.literal | (symbol << 16))
  store<u32>(lengths + (256 << 2), entry.exceptional | entry.end)
  let base: u32 = 3
  for (let code: u32 = 0; code < 28; code++) {
    const extra = code < 8 ? 0 : (code >>> 2) - 1
    store<u32>(lengths + ((257 + code) << 2), (base << 16) | extra)
    base += 1 << extra
  }
  store<u32>(lengths + (285 << 2), 258 << 16)
  store<u32>(lengths + (286 << 2), entry.exceptional)
  store<u32>(lengths + (287 << 2), entry.exceptional)
  const distances = at + deflate.distanceSymbols
  base = 1
  for (let code: u32 = 0; code < 30; code++) {
    const extra = code < 4 ? 0 : (code >>> 1) - 1
    store<u32>(distances + (code << 2), (base << 16) | extra)
    base += 1 << extra
  }
  store<u32>(distances + (30 << 2), entry.exceptional)
  store<u32>(distances + (31 << 2), entry.exceptional)
  for (let symbol: u32 = 0; symbol < 19; symbol++) store<u32>(at + deflate.precodeSymbols + (symbol << 2), symbol << 16)
}

/** Builds a table from code lengths, of at most 2^`bits` entries in its first part. Returns the bits of that part, 0 for damage. */
export function buildCodes(at: usize, table: usize, lengths: usize, count: u32, symbols: usize, bits: u32): u32 {
  const counts = at + deflate.scratch + scratch.counts
  const places = at + deflate.scratch + scratch.places
  const sorted = at + deflate.scratch + scratch.sorted
  memory.fill(counts, 0, 64)
  for (let symbol: u32 = 0; symbol < count; symbol++) {
    const slot = counts + (<usize>load<u8>(lengths + symbol) << 2)
    store<u32>(slot, load<u32>(slot) + 1)
  }
  let longest = bitsMax
  while (longest > 0 && load<u32>(counts + (longest << 2)) == 0) longest--
  // How much of the code is not in use, in codes of the longest length.
  let unused: i32 = 1
  let place: u32 = 0
  for (let length: u32 = 1; length <= bitsMax; length++) {
    const codes = load<u32>(counts + (length << 2))
    store<u32>(places + (length << 2), place)
    place += codes
    unused = (unused << 1) - codes
    if (unused < 0) return 0
  }
  if (unused > 0) {
    // Incomplete: no code, or one of one bit. What it lacks is found when it is met.
    if (longest > 1 || bits == precodeBitsMax) return 0
    store<u32>(table, entry.exceptional | 1)
    store<u32>(table, entry.exceptional | 1, 4)
    if (longest == 0) return 1
  }
  for (let symbol: u32 = 0; symbol < count; symbol++) {
    const length = <usize>load<u8>(lengths + symbol)
    if (length == 0) continue
    const slot = places + (length << 2)
    const next = load<u32>(slot)
    store<u16>(sorted + (next << 1), symbol)
    store<u32>(slot, next + 1)
  }
  if (unused > 0) {
    store<u32>(table, load<u32>(symbols + (<usize>load<u16>(sorted) << 2)) + 0x101)
    return 1
  }
  const first = min(bits, longest)
  fillCodes(table, counts, sorted, symbols, first)
  return first
}

/** Codes in the order of their values, which is that of their lengths; the table holds them with their first bit lowest. */
function fillCodes(table: usize, counts: usize, sorted: usize, symbols: usize, bits: u32): void {
  let length: u32 = 1
  let left = load<u32>(counts, 4)
  while (left == 0) left = load<u32>(counts + (++length << 2))
  let code: u32 = 0
  let size: u32 = 1 << min(length, bits)
  while (length <= bits) {
    do {
      store<u32>(table + (code << 2), load<u32>(symbols + (<usize>load<u16>(sorted) << 2)) + length * 0x101)
      sorted += 2
      if (code == size - 1) {
        for (; length < bits; length++) {
          memory.copy(table + (size << 2), table, size << 2)
          size <<= 1
        }
        return
      }
      const bit: u32 = 1 << (31 - clz(code ^ (size - 1)))
      code = (code & (bit - 1)) | bit
    } while (--left > 0)
    do {
      length++
      if (length <= bits) {
        memory.copy(table + (size << 2), table, size << 2)
        size <<= 1
      }
      left = load<u32>(counts + (length << 2))
    } while (left == 0)
  }
  // Longer codes: second tables, each behind the first bits that its codes have in common.
  const mask: u32 = (1 << bits) - 1
  size = 1 << bits
  let prefix: u32 = -1
  let start: u32 = 0
  while (true) {
    if ((code & mask) != prefix) {
      prefix = code & mask
      start = size
      let more = length - bits
      let used = left
      while (used < <u32>(1 << more)) {
        more++
        used = (used << 1) + load<u32>(counts + ((bits + more) << 2))
      }
      size = start + (1 << more)
      store<u32>(table + (prefix << 2), (start << 16) | entry.exceptional | entry.further | (more << 8) | bits)
    }
    const word = load<u32>(symbols + (<usize>load<u16>(sorted) << 2)) + (length - bits) * 0x101
    sorted += 2
    const stride: u32 = 1 << (length - bits)
    for (let i = start + (code >>> bits); i < size; i += stride) store<u32>(table + (i << 2), word)
    const last: u32 = (1 << length) - 1
    if (code == last) return
    const bit: u32 = 1 << (31 - clz(code ^ last))
    code = (code & (bit - 1)) | bit
    left--
    while (left == 0) left = load<u32>(counts + (++length << 2))
  }
}
