import { buildStates, countsLog, countsSymbols, readCounts, setCounts } from './fse.ts'
import { charge, copyLiterals, copyMatch, get, job, set } from './job.ts'
import { codes, table } from './zstd-tables.ts'

/** Sequences of Zstandard: literals and matches in turn. Source: RFC 8878, section 3.1.1.3.2. */
export namespace sequences {
  /** Tables in use, by address, and their logs; 0 before the first. */
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

/** Writes what does not change between batches: templates of states, and the tables that the format predefines. */
export function prepareSequences(at: usize): void {
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
  // Offset codes of 0 and 1 are about the last distances.
  for (let code: u32 = 0; code <= codes.offsetMax; code++) {
    base = code < 2 ? code : (<u64>1 << code) - 3
    store<u64>(at + table.offsetCodes + (code << 3), (base << 32) | (code << 8))
  }
  const area = at + table.scratch
  setCounts(area, 0, 0x2223333333333345, 16)
  setCounts(area, 16, 0x2222234333333333, 16)
  setCounts(area, 32, 0, 4)
  buildStates(at + table.usualLengths, area, 36, 6, at + table.lengthCodes, table.usualLengths - job.tables)
  setCounts(area, 0, 0x2222222333222222, 16)
  setCounts(area, 16, 0x0000022222222, 13)
  buildStates(at + table.usualOffsets, area, 29, 5, at + table.offsetCodes, table.usualOffsets - job.tables)
  setCounts(area, 0, 0x2222222333333452, 16)
  setCounts(area, 16, 0x2222222222222222, 16)
  setCounts(area, 32, 0x0022222222222222, 16)
  setCounts(area, 48, 0, 5)
  buildStates(at + table.usualMatches, area, 53, 6, at + table.matchCodes, table.usualMatches - job.tables)
}

export function beginSequences(at: usize): void {
  set(at, sequences.lengths, 0)
  saveDistances(at, 1, 4, 8)
}

/** Reads the three descriptions of tables. Returns where they end, 0 for damage. */
export function readTables(at: usize, from: usize, end: usize): usize {
  if (from >= end) return 0
  const modes = <u32>load<u8>(from++)
  if (modes & 3) return 0
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
    store<u64>(own, load<u64>(at + templates + (symbol << 3)) | ((own - at - job.tables) << 16))
    return from + 1
  }
  const next = readCounts(at + table.scratch, from, end, symbolMax, logMax)
  if (next == 0) return 0
  buildStates(own, at + table.scratch, countsSymbols, countsLog, at + templates, own - at - job.tables)
  set(at, logField, countsLog)
  charge(at, 64 + (1 << countsLog))
  return next
}

/** Where a block has got to: the stream of bits, the states, and the output. */
export namespace progress {
  /** 8 bytes before the stream. */
  export const before: usize = job.decoder + 168
  /** Bits of the stream that are not read yet. */
  export const left: usize = job.decoder + 172
  export const length: usize = job.decoder + 176
  export const offset: usize = job.decoder + 180
  export const match: usize = job.decoder + 184
  /** Bits for the states behind the last sequence that was read: behind the last of all there are none. */
  export const unused: usize = job.decoder + 188
  export const to: usize = job.decoder + 192
  export const literals: usize = job.decoder + 196
  /** Of a match that lies before what the window buffer holds. */
  export const distance: usize = job.decoder + 200
}

/** Sequences are read some at a time, and then run: each loop has its variables in registers. */
const listMax: u32 = 128
const entryBytes: usize = 12

/**
 * Runs `count` sequences of the stream from `from` to `end`. The output begins at `to`; literals lie at `literals`, which may be in the
 * output's own room, behind `matchRoom` bytes for matches and 32 more. Matches reach back to `low`, and `distanceMax`.
 * Returns where the output ends, 0 for damage, 1 where a match lies before `low` and not too far back.
 */
export function runSequences(
  at: usize, from: usize, end: usize, count: u32, to: usize, literals: usize, literalsEnd: usize, matchRoom: i32, low: usize, distanceMax: usize,
): usize {
  if (!beginStream(at, from, end)) return 0
  set(at, progress.to, to)
  set(at, progress.literals, literals)
  const outputEnd = to + (literalsEnd - literals) + matchRoom
  const list = at + table.list
  while (count > 0) {
    const some = min(count, listMax)
    const listEnd = list + <usize>some * entryBytes
    if (!readSequences(at, list, listEnd)) return 0
    const failure = applySequences(at, list, listEnd, literalsEnd, outputEnd, low, distanceMax)
    if (failure >= 0) return <usize>failure
    count -= some
  }
  if (get(at, progress.left) + get(at, progress.unused) != 0) return 0
  to = get(at, progress.to)
  literals = get(at, progress.literals)
  const rest = literalsEnd - literals
  if (rest > outputEnd - to) return 0
  if (rest > 0) copyLiterals(to, literals, rest)
  return to + rest
}

function beginStream(at: usize, from: usize, end: usize): bool {
  if (from >= end) return false
  const mark = <u32>load<u8>(end - 1)
  if (mark == 0) return false
  const bits = load<u64>(end - 8)
  let taken = clz(mark) - 23
  set(at, progress.before, from - 8)
  // Bits for a state are read eightfold, so that a width of 0 needs no branch.
  let log = <u32>get(at, sequences.lengthsLog)
  set(at, progress.length, get(at, sequences.lengths) + (<usize>((bits << taken) >>> (61 - log)) & ~7))
  taken += log
  log = <u32>get(at, sequences.offsetsLog)
  set(at, progress.offset, get(at, sequences.offsets) + (<usize>((bits << taken) >>> (61 - log)) & ~7))
  taken += log
  log = <u32>get(at, sequences.matchesLog)
  set(at, progress.match, get(at, sequences.matches) + (<usize>((bits << taken) >>> (61 - log)) & ~7))
  set(at, progress.left, ((end - from) << 3) - taken - log)
  return true
}

/** Reads as many sequences as the list takes: the length of literals, the length of the match, its distance. */
function readSequences(at: usize, list: usize, listEnd: usize): bool {
  const before = get(at, progress.before)
  const base = at + job.tables
  let left = <i32>get(at, progress.left)
  let length = get(at, progress.length)
  let offset = get(at, progress.offset)
  let match = get(at, progress.match)
  let last1 = get(at, sequences.last1)
  let last2 = get(at, sequences.last2)
  let last3 = get(at, sequences.last3)
  let unused: u32 = 0
  do {
    if (left < 0) return false
    // Shifts take their count modulo 64, so that counts need not be cut out of states: only their low six bits are right.
    let bits = load<u64>(before + <usize>((left + 7) >> 3)) << (<u32>(0 - left) & 7)
    const lengthState = load<u32>(length)
    const offsetState = load<u32>(offset)
    const matchState = load<u32>(match)
    const sums = lengthState + offsetState + matchState
    let literalLength = load<u32>(length, 4)
    let distance = <usize>load<u32>(offset, 4)
    let matchLength = load<u32>(match, 4)
    if ((offsetState & 0xff00) > 0x100) {
      distance += <usize>(bits >>> (0 - (offsetState >>> 8)))
      last3 = last2
      last2 = last1
      last1 = distance
    } else {
      const which = (offsetState & 0xff00 ? 1 + <u32>(bits >>> 63) : 0) + <u32>(literalLength == 0)
      if (which > 0) {
        distance = which == 1 ? last2 : which == 2 ? last3 : last1 - 1
        // A distance of 0 becomes larger than any.
        if (distance == 0) distance = 0xffffffff
        if (which > 1) last3 = last2
        last2 = last1
        last1 = distance
      } else distance = last1
    }
    store<u32>(list, distance, 8)
    bits <<= offsetState >>> 8
    // Most lengths have no bits of their own.
    if ((lengthState | matchState) & 0xff00) {
      matchLength += <u32>((bits >>> 1) >>> ~(matchState >>> 8))
      bits <<= matchState >>> 8
      if ((sums & 0xff00) > 30 << 8) {
        const rest = left - <i32>(((offsetState + matchState) >>> 8) & 0xff)
        bits = load<u64>(before + <usize>((rest + 7) >> 3)) << (<u32>(0 - rest) & 7)
      }
      literalLength += <u32>((bits >>> 1) >>> ~(lengthState >>> 8))
      bits <<= lengthState >>> 8
    }
    store<u32>(list, matchLength, 4)
    store<u32>(list, literalLength)
    length = base + (lengthState >>> 16) + (<usize>(bits >>> (61 - lengthState)) & ~7)
    bits <<= lengthState
    match = base + (matchState >>> 16) + (<usize>(bits >>> (61 - matchState)) & ~7)
    bits <<= matchState
    offset = base + (offsetState >>> 16) + (<usize>(bits >>> (61 - offsetState)) & ~7)
    unused = sums & 0xff
    left -= ((sums >>> 8) & 0xff) + unused
    list += entryBytes
  } while (list < listEnd)
  saveStream(at, left, unused, length, offset, match)
  saveDistances(at, last1, last2, last3)
  return true
}

function saveStream(at: usize, left: i32, unused: u32, length: usize, offset: usize, match: usize): void {
  set(at, progress.left, left)
  set(at, progress.unused, unused)
  set(at, progress.length, length)
  set(at, progress.offset, offset)
  set(at, progress.match, match)
}

function saveDistances(at: usize, last1: usize, last2: usize, last3: usize): void {
  set(at, sequences.last1, last1)
  set(at, sequences.last2, last2)
  set(at, sequences.last3, last3)
}

/** Runs the sequences of a list. Returns -1, or what `runSequences` is to return. */
function applySequences(at: usize, list: usize, listEnd: usize, literalsEnd: usize, outputEnd: usize, low: usize, distanceMax: usize): i32 {
  let to = get(at, progress.to)
  let literals = get(at, progress.literals)
  /** Room for matches: what is left of the literals must find room, too. */
  let spare = <i32>(outputEnd - to - (literalsEnd - literals))
  do {
    const literalLength = <usize>load<u32>(list)
    const matchLength = <usize>load<u32>(list, 4)
    const distance = <usize>load<u32>(list, 8)
    list += entryBytes
    spare -= <i32>matchLength
    if ((spare | <i32>(literalsEnd - literals - literalLength)) < 0) return 0
    v128.store(to, v128.load(literals))
    if (literalLength > 16) copyLiterals(to + 16, literals + 16, literalLength - 16)
    to += literalLength
    literals += literalLength
    if (distance > distanceMax) return 0
    if (distance > to - low) {
      set(at, progress.to, to)
      set(at, progress.distance, distance)
      return 1
    }
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
  } while (list < listEnd)
  set(at, progress.to, to)
  set(at, progress.literals, literals)
  return -1
}
