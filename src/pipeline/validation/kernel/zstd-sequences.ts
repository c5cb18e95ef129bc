import { buildStates, countsLog, countsSymbols, readCounts, setCounts } from './fse.ts'
import { charge, copyLiterals, copyMatch, get, job, set, step } from './job.ts'
import { codes, table } from './zstd-tables.ts'

/** Sequences of Zstandard: literals and matches in turn. Source: RFC 8878, section 3.1.1.3.2. */
export namespace sequences {
  /** Tables in use, by address, and their logs; nought before the first. */
  export const lengths: usize = job.decoder + 128
  export const offsets: usize = job.decoder + 132
  export const matches: usize = job.decoder + 136
  export const lengthsLog: usize = job.decoder + 140
  export const offsetsLog: usize = job.decoder + 144
  export const matchesLog: usize = job.decoder + 148
  /** The last three distances. */
  export const last1: usize = job.decoder + 152
  export const last2: usize = job.decoder + 156
  export const last3: usize = job.decoder + 160
  /** Whether the predefined tables and the templates have been built. */
  export const isReady: usize = job.decoder + 164
}

namespace mode {
  export const predefined: u32 = 0
  export const single: u32 = 1
  export const described: u32 = 2
  export const repeated: u32 = 3
}

// @ts-ignore: decorator
@inline function lengthBits(code: u32): u32 {
  return code < 16 ? 0 : code < 24 ? (0x33221111 >>> ((code - 16) << 2)) & 15 : code == 24 ? 4 : code - 19
}
// @ts-ignore: decorator
@inline function matchBits(code: u32): u32 {
  return code < 32 ? 0 : code < 40 ? (0x33221111 >>> ((code - 32) << 2)) & 15 : code < 42 ? 4 : code == 42 ? 5 : code - 36
}

/** Templates of states, and the tables that the format predefines. */
function makeReady(at: usize): void {
  let base: u64 = 0
  for (let code: u32 = 0; code <= codes.lengthMax; code++) {
    store<u64>(at + table.lengthCodes + (code << 3), (base << 32) | (lengthBits(code) << 8))
    base += 1 << lengthBits(code)
  }
  base = 3
  for (let code: u32 = 0; code <= codes.matchMax; code++) {
    store<u64>(at + table.matchCodes + (code << 3), (base << 32) | (matchBits(code) << 8))
    base += 1 << matchBits(code)
  }
  // Offset codes of nought and one are about the last distances.
  for (let code: u32 = 0; code <= codes.offsetMax; code++) {
    base = code < 2 ? code : (<u64>1 << code) - 3
    store<u64>(at + table.offsetCodes + (code << 3), (base << 32) | (code << 8))
  }
  const area = at + table.scratch
  setCounts(area, 0, 0x2223333333333345, 16)
  setCounts(area, 16, 0x2222234333333333, 16)
  setCounts(area, 32, 0, 4)
  buildStates(at + table.usualLengths, area, 36, 6, at + table.lengthCodes)
  setCounts(area, 0, 0x2222222333222222, 16)
  setCounts(area, 16, 0x0000022222222, 13)
  buildStates(at + table.usualOffsets, area, 29, 5, at + table.offsetCodes)
  setCounts(area, 0, 0x2222222333333452, 16)
  setCounts(area, 16, 0x2222222222222222, 16)
  setCounts(area, 32, 0x0022222222222222, 16)
  setCounts(area, 48, 0, 5)
  buildStates(at + table.usualMatches, area, 53, 6, at + table.matchCodes)
  set(at, sequences.isReady, 1)
  charge(at, 512)
}

export function beginSequences(at: usize): void {
  set(at, sequences.lengths, 0)
  set(at, sequences.last1, 1)
  set(at, sequences.last2, 4)
  set(at, sequences.last3, 8)
}

/** Reads the three descriptions of tables. Returns where they end, 0 for damage. */
export function readTables(at: usize, from: usize, end: usize): usize {
  if (from >= end) return 0
  const modes = <u32>load<u8>(from++)
  if (modes & 3) return 0
  if (!get(at, sequences.isReady)) makeReady(at)
  const isFirst = get(at, sequences.lengths) == 0
  if (isFirst && ((modes >>> 6) == mode.repeated || ((modes >>> 4) & 3) == mode.repeated || ((modes >>> 2) & 3) == mode.repeated)) return 0
  const usual = at + table.usualLengths
  from = readTable(at, sequences.lengths, modes >>> 6, from, end, at + table.lengths, usual, 6, table.lengthCodes, codes.lengthMax, codes.lengthLogMax)
  if (from == 0) return 0
  const usual2 = at + table.usualOffsets
  from = readTable(at, sequences.offsets, (modes >>> 4) & 3, from, end, at + table.offsets, usual2, 5, table.offsetCodes, codes.offsetMax, codes.offsetLogMax)
  if (from == 0) return 0
  const usual3 = at + table.usualMatches
  return readTable(at, sequences.matches, (modes >>> 2) & 3, from, end, at + table.matches, usual3, 6, table.matchCodes, codes.matchMax, codes.matchLogMax)
}

function readTable(
  at: usize, field: usize, how: u32, from: usize, end: usize, own: usize, usual: usize, usualLog: u32, templates: usize, symbolMax: u32,
  logMax: u32,
): usize {
  const logField = field + (sequences.lengthsLog - sequences.lengths)
  if (how == mode.repeated) return from
  if (how == mode.predefined) {
    set(at, field, usual)
    set(at, logField, usualLog)
    return from
  }
  set(at, field, own)
  if (how == mode.single) {
    if (from >= end) return 0
    const symbol = <u32>load<u8>(from)
    if (symbol > symbolMax) return 0
    set(at, logField, 0)
    store<u64>(own, load<u64>(at + templates + (symbol << 3)))
    return from + 1
  }
  const next = readCounts(at + table.scratch, from, end, symbolMax, logMax)
  if (next == 0) return 0
  buildStates(own, at + table.scratch, countsSymbols, countsLog, at + templates)
  set(at, logField, countsLog)
  charge(at, 64 + (1 << countsLog))
  return next
}

/**
 * Runs `count` sequences of the stream from `from` to `end`. The output begins at `to`; literals lie at `literals`, which may be in the
 * output's own room, behind `matchRoom` bytes for matches and 32 more. Matches reach back to `low`, and `distanceMax`.
 * Returns where the output ends, 0 for damage, 1 where a match lies before `low` and not too far back.
 */
export function runSequences(
  at: usize, from: usize, end: usize, count: u32, to: usize, literals: usize, literalsEnd: usize, matchRoom: i32, low: usize, distanceMax: usize,
): usize {
  if (from >= end) return 0
  const mark = <u32>load<u8>(end - 1)
  if (mark == 0) return 0
  let word = end - 8
  let taken = <i32>clz(mark) - 23
  let bits = load<u64>(word) << taken
  const lengths = get(at, sequences.lengths)
  const offsets = get(at, sequences.offsets)
  const matches = get(at, sequences.matches)
  let last1 = get(at, sequences.last1)
  let last2 = get(at, sequences.last2)
  let last3 = get(at, sequences.last3)

  // A state is its address. Bits for the next are read eightfold: so that none is nought without a branch.
  let log = <u64>get(at, sequences.lengthsLog)
  let length = lengths + (<usize>(bits >>> (61 - log)) & ~7)
  bits <<= log
  taken += <i32>log
  log = <u64>get(at, sequences.offsetsLog)
  let offset = offsets + (<usize>(bits >>> (61 - log)) & ~7)
  bits <<= log
  taken += <i32>log
  log = <u64>get(at, sequences.matchesLog)
  let match = matches + (<usize>(bits >>> (61 - log)) & ~7)
  taken += <i32>log

  while (true) {
    word -= taken >>> 3
    taken &= 7
    // Signed: a word may begin up to 8 bytes before the stream.
    if (<isize>(word - from) < -8) return 0
    bits = load<u64>(word) << taken
    const lengthState = load<u32>(length)
    const offsetState = load<u32>(offset)
    const matchState = load<u32>(match)
    let literalLength = <usize>load<u32>(length, 4)
    let matchLength = <usize>load<u32>(match, 4)
    let distance = <usize>load<u32>(offset, 4)
    const sums = lengthState + offsetState + matchState
    const extra = (sums >>> 8) & 0xff

    const offsetBits = (offsetState >>> 8) & 0xff
    if (offsetBits > 1) {
      distance += <usize>(bits >>> (64 - offsetBits))
      bits <<= offsetBits
      last3 = last2
      last2 = last1
      last1 = distance
    } else {
      const isBare = <u32>(literalLength == 0)
      if (offsetBits == 0) {
        if (isBare) {
          distance = last2
          last2 = last1
          last1 = distance
        } else distance = last1
      } else {
        const which = 1 + isBare + <u32>(bits >>> 63)
        bits <<= 1
        if (which == 1) distance = last2
        else {
          // Where this gives nought, the distance is larger than any.
          distance = which == 2 ? last3 : last1 - 1
          if (distance == 0) distance = 0xffffffff
          last3 = last2
        }
        last2 = last1
        last1 = distance
      }
    }

    const matchBits = (matchState >>> 8) & 0xff
    matchLength += <usize>((bits >>> 1) >>> (63 - matchBits))
    bits <<= matchBits
    if (extra > 30) {
      const before = <i32>(offsetBits + matchBits)
      const now = taken + before
      word -= now >>> 3
      taken = (now & 7) - before
      bits = load<u64>(word) << (now & 7)
    }
    const lengthBits = (lengthState >>> 8) & 0xff
    literalLength += <usize>((bits >>> 1) >>> (63 - lengthBits))

    count--
    if (count == 0) taken += extra
    else {
      bits <<= lengthBits
      const a = <u64>lengthState & 0xff
      length = lengths + (lengthState >>> 16) + (<usize>(bits >>> (61 - a)) & ~7)
      bits <<= a
      const b = <u64>matchState & 0xff
      match = matches + (matchState >>> 16) + (<usize>(bits >>> (61 - b)) & ~7)
      bits <<= b
      const c = <u64>offsetState & 0xff
      offset = offsets + (offsetState >>> 16) + (<usize>(bits >>> (61 - c)) & ~7)
      taken += extra + (sums & 0xff)
    }

    matchRoom -= matchLength
    if (matchRoom < 0 || literalLength > literalsEnd - literals) return 0
    v128.store(to, v128.load(literals))
    if (literalLength > 16) copyLiterals(to + 16, literals + 16, literalLength - 16)
    to += literalLength
    literals += literalLength

    if (distance > distanceMax) return 0
    if (distance > to - low) return 1
    if (distance >= 16) {
      const source = to - distance
      v128.store(to, v128.load(source))
      if (matchLength > 16) {
        const matchEnd = to + matchLength
        let next = to + 16
        let ahead = source + 16
        do {
          v128.store(next, v128.load(ahead))
          next += 16
          ahead += 16
        } while (next < matchEnd)
      }
    } else copyMatch(to, distance, matchLength)
    to += matchLength
    if (count == 0) break
  }
  if (((<isize>(word + 8 - from)) << 3) != taken) return 0
  set(at, sequences.last1, last1)
  set(at, sequences.last2, last2)
  set(at, sequences.last3, last3)
  const rest = literalsEnd - literals
  if (rest > 0) copyLiterals(to, literals, rest)
  return to + rest
}
