import { buildStates, countsLog, countsSymbols, readCounts } from './fse.ts'
import { table } from './zstd-tables.ts'

/** Huffman coding of Zstandard's literals. Source: RFC 8878, section 4.2; libzstd takes codes of 12 bits, too. */
const bitsMax: u32 = 12
/** The table is as if every longest code had this many bits, but where one has more. */
export const usualBits: u32 = 11
const weightLogMax: u32 = 6
const symbolsMax: u32 = 256

/** The bits of the longest code of the table that was read last, at least `usualBits`. */
export let huffmanBits: u32 = 0

/** Reads weights and builds the table. Returns where the weights end, 0 for damage. */
export function readHuffman(at: usize, from: usize, end: usize): usize {
  if (from >= end) return 0
  const head = <u32>load<u8>(from++)
  const weights = at + table.weights
  let count: u32
  let next: usize
  if (head >= 128) {
    count = head - 127
    next = from + ((count + 1) >>> 1)
    if (next > end) return 0
    for (let i: u32 = 0; i < count; i += 2) {
      const two = <u32>load<u8>(from + (i >>> 1))
      store<u16>(weights + i, (two >>> 4) | ((two & 15) << 8))
    }
  } else {
    next = from + head
    if (next > end) return 0
    count = readWeights(at, from, next)
    if (count == 0) return 0
  }
  return buildHuffman(at, weights, count) ? next : 0
}

/** Two states in turn over one stream of bits. Returns the number of weights, 0 for damage. */
function readWeights(at: usize, from: usize, end: usize): u32 {
  const area = at + table.scratch
  const start = readCounts(area, from, end, 255, weightLogMax)
  if (start == 0 || start >= end) return 0
  const log = countsLog
  const states = at + table.weightStates
  buildStates(states, area, countsSymbols, log, 0, 0)
  const last = <u32>load<u8>(end - 1)
  if (last == 0) return 0
  const weights = at + table.weights
  /** Bits that are left. */
  let left = <i32>((end - start) << 3) - <i32>(clz(last) - 23)
  let a = states + (readBack(start, left, log) << 3)
  left -= log
  let b = states + (readBack(start, left, log) << 3)
  left -= log
  if (left < 0) return 0
  let count: u32 = 0
  while (true) {
    if (count > symbolsMax - 3) return 0
    const bits = <u32>load<u8>(a)
    store<u8>(weights + count++, load<u32>(a, 4))
    left -= bits
    if (left < 0) {
      store<u8>(weights + count++, load<u32>(b, 4))
      return count
    }
    const next = states + <usize>load<u16>(a, 2) + (readBack(start, left + bits, bits) << 3)
    a = b
    b = next
  }
}

/** The `bits` that end where `left` are left; those before the start read as 0. */
function readBack(start: usize, left: i32, bits: u32): usize {
  const first = left - <i32>bits
  if (first < 0) return 0
  const word = load<u32>(start + (<usize>first >>> 3)) >>> (first & 7)
  return word & ((1 << bits) - 1)
}

/** Builds the table from weights, of which the last is not given: it makes the sum a power of two. */
function buildHuffman(at: usize, weights: usize, given: u32): bool {
  const ranks = at + table.scratch
  memory.fill(ranks, 0, 64)
  let total: u32 = 0
  for (let i: u32 = 0; i < given; i++) {
    const weight = <u32>load<u8>(weights + i)
    if (weight > bitsMax) return false
    total += (1 << weight) >>> 1
    store<u32>(ranks + (weight << 2), load<u32>(ranks + (weight << 2)) + 1)
  }
  if (total == 0) return false
  const log: u32 = 32 - clz(total)
  if (log > bitsMax) return false
  const rest = (1 << log) - total
  if (popcnt(rest) != 1) return false
  const implied: u32 = 32 - clz(rest)
  store<u8>(weights + given, implied)
  store<u32>(ranks + (implied << 2), load<u32>(ranks + (implied << 2)) + 1)
  // Of the longest codes there are at least two, and an even number.
  const longest = load<u32>(ranks, 4)
  if (longest == 0 || longest & 1) return false

  const wide = max(log, usualBits)
  huffmanBits = wide
  // Longer codes, which have smaller weights, come first.
  let place: u32 = 0
  for (let weight: u32 = 1; weight <= log; weight++) {
    const count = load<u32>(ranks + (weight << 2))
    store<u32>(ranks + (weight << 2), place)
    place += count << (weight - 1 + wide - log)
  }
  const codes = at + table.huffman
  for (let symbol: u32 = 0; symbol <= given; symbol++) {
    const weight = <u32>load<u8>(weights + symbol)
    if (weight == 0) continue
    const run: u32 = 1 << (weight - 1 + wide - log)
    const first = load<u32>(ranks + (weight << 2))
    store<u32>(ranks + (weight << 2), first + run)
    fill(codes + (first << 1), run, (symbol << 8) | (log + 1 - weight))
  }
  return true
}

// @ts-ignore: decorator
@inline function fill(to: usize, count: u32, word: u32): void {
  if (count == 1) {
    store<u16>(to, word)
    return
  }
  if (count == 2) {
    store<u32>(to, word | (word << 16))
    return
  }
  const four = <u64>(word | (word << 16)) * 0x100000001
  const end = to + (count << 1)
  do {
    store<u64>(to, four)
    to += 8
  } while (to < end)
}

/** Decodes one stream to the end of both; false for damage. `from` may have 8 bytes before it that are read and not used. */
export function decodeStream(codes: usize, bitsWide: u32, from: usize, end: usize, to: usize, toEnd: usize): bool {
  if (from >= end) return false
  const last = <u32>load<u8>(end - 1)
  if (last == 0) return false
  return finishStream(codes, bitsWide, from, end - 8, <usize>(clz(last) - 23), to, toEnd)
}

/** `taken` bits of the word at `word` have been read. */
function finishStream(codes: usize, bitsWide: u32, from: usize, word: usize, taken: usize, to: usize, toEnd: usize): bool {
  const shift = <u64>(64 - bitsWide)
  while (true) {
    word -= taken >>> 3
    taken &= 7
    // Signed: a word may begin up to 8 bytes before the stream.
    if (<isize>(word - from) < -8) return false
    let bits = load<u64>(word) << taken
    let count = min<usize>(4, toEnd - to)
    if (count == 0) return (word + 8 - from) << 3 == taken
    do {
      const code = <usize>load<u16>(codes + (<usize>(bits >>> shift) << 1))
      store<u8>(to++, code >>> 8)
      bits <<= code & 0xff
      taken += code & 0xff
    } while (--count > 0)
  }
}

/** Four streams, each a quarter of the literals, behind the lengths of the first three. */
export function decodeFour(codes: usize, bitsWide: u32, from: usize, end: usize, to: usize, bytes: usize): bool {
  if (end - from < 10) return false
  const quarter = (bytes + 3) >>> 2
  if (quarter * 3 > bytes) return false
  const start1 = from + 6
  const start2 = start1 + <usize>load<u16>(from)
  const start3 = start2 + <usize>load<u16>(from, 2)
  const start4 = start3 + <usize>load<u16>(from, 4)
  if (start4 >= end || start1 == start2 || start2 == start3 || start3 == start4) return false
  const last1 = <u32>load<u8>(start2 - 1)
  const last2 = <u32>load<u8>(start3 - 1)
  const last3 = <u32>load<u8>(start4 - 1)
  const last4 = <u32>load<u8>(end - 1)
  if (last1 == 0 || last2 == 0 || last3 == 0 || last4 == 0) return false
  let word1 = start2 - 8
  let word2 = start3 - 8
  let word3 = start4 - 8
  let word4 = end - 8
  // The lowest bit is a mark: its position is the number of bits taken. It covers a bit that is not used before the next load.
  let bits1 = (load<u64>(word1) | 1) << (clz(last1) - 23)
  let bits2 = (load<u64>(word2) | 1) << (clz(last2) - 23)
  let bits3 = (load<u64>(word3) | 1) << (clz(last3) - 23)
  let bits4 = (load<u64>(word4) | 1) << (clz(last4) - 23)
  const to2 = quarter
  const to3 = quarter * 2
  const to4 = quarter * 3
  const toEnd = to + bytes
  let at = to
  if (bitsWide == usualBits) {
    while (true) {
      // Each round gives 5 symbols of each stream and takes at most 7 bytes of it.
      let rounds = min(<isize>(toEnd - at - to4) / 5, <isize>(word1 - start1) / 7)
      rounds = min(rounds, min(<isize>(word2 - start2) / 7, min(<isize>(word3 - start3) / 7, <isize>(word4 - start4) / 7)))
      if (rounds <= 0) break
      do {
        let code1 = <u32>load<u16>(codes + (<usize>(bits1 >>> 53) << 1))
        let code2 = <u32>load<u16>(codes + (<usize>(bits2 >>> 53) << 1))
        let code3 = <u32>load<u16>(codes + (<usize>(bits3 >>> 53) << 1))
        let code4 = <u32>load<u16>(codes + (<usize>(bits4 >>> 53) << 1))
        bits1 <<= code1
        store<u8>(at, code1 >>> 8)
        bits2 <<= code2
        store<u8>(at + to2, code2 >>> 8)
        bits3 <<= code3
        store<u8>(at + to3, code3 >>> 8)
        bits4 <<= code4
        store<u8>(at + to4, code4 >>> 8)
        code1 = <u32>load<u16>(codes + (<usize>(bits1 >>> 53) << 1))
        code2 = <u32>load<u16>(codes + (<usize>(bits2 >>> 53) << 1))
        code3 = <u32>load<u16>(codes + (<usize>(bits3 >>> 53) << 1))
        code4 = <u32>load<u16>(codes + (<usize>(bits4 >>> 53) << 1))
        bits1 <<= code1
        store<u8>(at, code1 >>> 8, 1)
        bits2 <<= code2
        store<u8>(at + to2, code2 >>> 8, 1)
        bits3 <<= code3
        store<u8>(at + to3, code3 >>> 8, 1)
        bits4 <<= code4
        store<u8>(at + to4, code4 >>> 8, 1)
        code1 = <u32>load<u16>(codes + (<usize>(bits1 >>> 53) << 1))
        code2 = <u32>load<u16>(codes + (<usize>(bits2 >>> 53) << 1))
        code3 = <u32>load<u16>(codes + (<usize>(bits3 >>> 53) << 1))
        code4 = <u32>load<u16>(codes + (<usize>(bits4 >>> 53) << 1))
        bits1 <<= code1
        store<u8>(at, code1 >>> 8, 2)
        bits2 <<= code2
        store<u8>(at + to2, code2 >>> 8, 2)
        bits3 <<= code3
        store<u8>(at + to3, code3 >>> 8, 2)
        bits4 <<= code4
        store<u8>(at + to4, code4 >>> 8, 2)
        code1 = <u32>load<u16>(codes + (<usize>(bits1 >>> 53) << 1))
        code2 = <u32>load<u16>(codes + (<usize>(bits2 >>> 53) << 1))
        code3 = <u32>load<u16>(codes + (<usize>(bits3 >>> 53) << 1))
        code4 = <u32>load<u16>(codes + (<usize>(bits4 >>> 53) << 1))
        bits1 <<= code1
        store<u8>(at, code1 >>> 8, 3)
        bits2 <<= code2
        store<u8>(at + to2, code2 >>> 8, 3)
        bits3 <<= code3
        store<u8>(at + to3, code3 >>> 8, 3)
        bits4 <<= code4
        store<u8>(at + to4, code4 >>> 8, 3)
        code1 = <u32>load<u16>(codes + (<usize>(bits1 >>> 53) << 1))
        code2 = <u32>load<u16>(codes + (<usize>(bits2 >>> 53) << 1))
        code3 = <u32>load<u16>(codes + (<usize>(bits3 >>> 53) << 1))
        code4 = <u32>load<u16>(codes + (<usize>(bits4 >>> 53) << 1))
        bits1 <<= code1
        store<u8>(at, code1 >>> 8, 4)
        bits2 <<= code2
        store<u8>(at + to2, code2 >>> 8, 4)
        bits3 <<= code3
        store<u8>(at + to3, code3 >>> 8, 4)
        bits4 <<= code4
        store<u8>(at + to4, code4 >>> 8, 4)
        at += 5
        const taken1 = ctz(bits1)
        const taken2 = ctz(bits2)
        const taken3 = ctz(bits3)
        const taken4 = ctz(bits4)
        word1 -= <usize>taken1 >>> 3
        word2 -= <usize>taken2 >>> 3
        word3 -= <usize>taken3 >>> 3
        word4 -= <usize>taken4 >>> 3
        bits1 = (load<u64>(word1) | 1) << (taken1 & 7)
        bits2 = (load<u64>(word2) | 1) << (taken2 & 7)
        bits3 = (load<u64>(word3) | 1) << (taken3 & 7)
        bits4 = (load<u64>(word4) | 1) << (taken4 & 7)
      } while (--rounds > 0)
    }
  }
  return (
    finishStream(codes, bitsWide, start1, word1, <usize>ctz(bits1), at, to + to2) &&
    finishStream(codes, bitsWide, start2, word2, <usize>ctz(bits2), at + to2, to + to3) &&
    finishStream(codes, bitsWide, start3, word3, <usize>ctz(bits3), at + to3, to + to4) &&
    finishStream(codes, bitsWide, start4, word4, <usize>ctz(bits4), at + to4, toEnd)
  )
}
