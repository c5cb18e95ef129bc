import { crc32, crc32TablesBytes, writeCrc32Tables } from './crc32.ts'
import { buildCodes, deflate, entry, writeSymbols } from './deflate-codes.ts'
import { charge, copyMatch, get, job, room, set, step } from './job.ts'

/**
 * gzip as Java's GZIPInputStream reads it: members after each other; header checksums, checksums and sizes are compared; what follows a
 * member and is not the header of another is ignored. Sources: RFC 1951, RFC 1952, OpenJDK 17. Reserved flags are rejected: zlib does.
 *
 * A step is a header, or a piece of a block: a block may be as long as it likes.
 */
const magic: u32 = 0x8b1f
const deflateMethod: u32 = 8
const headerBytes: usize = 10
const trailerBytes: usize = 8

namespace flag {
  export const headerChecksum: u32 = 0x02
  export const extra: u32 = 0x04
  export const name: u32 = 0x08
  export const comment: u32 = 0x10
  export const reserved: u32 = 0xe0
}

namespace state {
  /** Bits that have been read and not used, and how many. */
  export const bits: usize = job.decoder
  export const held: usize = job.decoder + 8
  export const isLast: usize = job.decoder + 12
  /** Bytes of the member so far, and their checksum. */
  export const given: usize = job.decoder + 16
  export const crc: usize = job.decoder + 24
  /** Bytes of a stored block that are not copied yet. */
  export const stored: usize = job.decoder + 28
  /** The bits of the first tables. */
  export const lengthBits: usize = job.decoder + 32
  export const distanceBits: usize = job.decoder + 36
}

namespace phase {
  export const start: usize = 0
  export const member: usize = 1
  export const block: usize = 2
  export const stored: usize = 3
  export const codes: usize = 4
}

/** Constants of a job, which stay from one batch to the next, near the end of its tables, and scratch behind them. */
const crcTables: usize = job.tables + 64 * 1024
const crcScratch: usize = crcTables + crc32TablesBytes

const historyBytes: usize = 32 << 10
/** Output of one step, but for a match that passes its end. */
const pieceBytes: usize = 64 << 10
const matchBytesMax: usize = 258

/** Writes what does not change between batches. */
export function prepareGzip(at: usize): void { writeCrc32Tables(at + crcTables) }

export function stepGzip(at: usize): i32 {
  const now = get(at, job.phase)
  if (now == phase.codes) return readCodes(at)
  if (now == phase.block) return readBlock(at)
  if (now == phase.stored) return readStored(at)
  if (now == phase.start) writeSymbols(at)
  return readMember(at, now == phase.start)
}

/** Behind the first member, what is no header is the end. */
function readMember(at: usize, isFirst: bool): i32 {
  const none = isFirst ? step.damaged : step.end
  const input = get(at, job.input)
  const end = get(at, job.inputEnd)
  charge(at, 64)
  if (end - input < headerBytes || <u32>load<u16>(input) != magic || <u32>load<u8>(input, 2) != deflateMethod) return none
  const flags = <u32>load<u8>(input, 3)
  if (flags & flag.reserved) return step.damaged
  let from = input + headerBytes
  if (flags & flag.extra) {
    if (end - from < 2) return none
    const bytes = <usize>load<u16>(from)
    from += 2
    if (bytes > end - from) return none
    from += bytes
  }
  if (flags & flag.name) from = behindText(from, end)
  if (flags & flag.comment && from != 0) from = behindText(from, end)
  if (from == 0) return none
  if (flags & flag.headerChecksum) {
    if (end - from < 2 || <u32>load<u16>(from) != (crc32(at + crcTables, at + crcScratch, 0, input, from - input) & 0xffff)) return none
    from += 2
  }
  charge(at, <i32>(from - input))
  set(at, job.input, from)
  set(at, job.phase, phase.block)
  set(at, state.held, 0)
  store<u64>(at + state.bits, 0)
  store<u64>(at + state.given, 0)
  set(at, state.crc, 0)
  return step.further
}

/** Behind the zero byte that ends a text; 0 where none does. */
function behindText(from: usize, end: usize): usize {
  while (from < end) if (load<u8>(from++) == 0) return from
  return 0
}

function readBlock(at: usize): i32 {
  let from = get(at, job.input)
  let held = get(at, state.held)
  const end = get(at, job.inputEnd)
  let bits = load<u64>(at + state.bits) | (load<u64>(from) << held)
  from += (63 - held) >>> 3
  held |= 56
  set(at, state.isLast, <usize>(bits & 1))
  const kind = <u32>(bits >>> 1) & 3
  bits >>>= 3
  held -= 3
  if (kind == 0) {
    // What is left of a byte is dropped, and whole bytes are returned to the input.
    from -= held >>> 3
    if (from > end || end - from < 4) return step.damaged
    const bytes = <u32>load<u16>(from)
    if (bytes != (~<u32>load<u16>(from, 2) & 0xffff)) return step.damaged
    set(at, job.input, from + 4)
    set(at, state.held, 0)
    store<u64>(at + state.bits, 0)
    set(at, state.stored, bytes)
    set(at, job.phase, phase.stored)
    charge(at, 64)
    return step.further
  }
  if (kind == 3) return step.damaged
  set(at, job.input, from)
  set(at, state.held, held)
  store<u64>(at + state.bits, bits)
  if (!(kind == 1 ? buildFixed(at) : readDescription(at, end))) return step.damaged
  set(at, job.phase, phase.codes)
  charge(at, 1500)
  return step.further
}

function buildFixed(at: usize): bool {
  const lengths = at + deflate.codeLengths
  memory.fill(lengths, 8, 144)
  memory.fill(lengths + 144, 9, 112)
  memory.fill(lengths + 256, 7, 24)
  memory.fill(lengths + 280, 8, 8)
  memory.fill(lengths + 288, 5, 32)
  set(at, state.lengthBits, buildCodes(at, at + deflate.lengths, lengths, 288, at + deflate.lengthSymbols, deflate.lengthBits))
  set(at, state.distanceBits, buildCodes(at, at + deflate.distances, lengths + 288, 32, at + deflate.distanceSymbols, deflate.distanceBits))
  return true
}

/** The order in which lengths of the precode come, five bits each. */
const order1: u64 = 0x22caa324e804a30
const order2: u64 = 0x3c2e1346c

/** Reads the lengths of a block's codes and builds its tables. */
function readDescription(at: usize, end: usize): bool {
  let from = get(at, job.input)
  let held = get(at, state.held)
  let bits = load<u64>(at + state.bits)
  const lengthCount = (<u32>bits & 31) + 257
  const distanceCount = (<u32>(bits >>> 5) & 31) + 1
  const precodeCount = (<u32>(bits >>> 10) & 15) + 4
  bits >>>= 14
  held -= 14
  if (lengthCount > 286 || distanceCount > 30) return false
  const lengths = at + deflate.codeLengths
  memory.fill(lengths, 0, 19)
  for (let i: u32 = 0; i < precodeCount; i++) {
    if (i == 10) {
      bits |= load<u64>(from) << held
      from += (63 - held) >>> 3
      held |= 56
    }
    const which = <usize>((i < 12 ? order1 >>> (5 * i) : order2 >>> (5 * (i - 12))) & 31)
    store<u8>(lengths + which, <u8>(bits & 7))
    bits >>>= 3
    held -= 3
  }
  const precode = at + deflate.precode
  const precodeBits = buildCodes(at, precode, lengths, 19, at + deflate.precodeSymbols, 7)
  if (precodeBits == 0) return false
  const mask = (<u64>1 << precodeBits) - 1
  const all = lengthCount + distanceCount
  for (let i: u32 = 0; i < all; ) {
    bits |= load<u64>(from) << held
    from += (63 - held) >>> 3
    held |= 56
    if (from > end) return false
    const word = load<u32>(precode + (<usize>(bits & mask) << 2))
    bits >>>= word
    held -= word & 0xff
    const symbol = word >>> 16
    if (symbol < 16) {
      store<u8>(lengths + i++, symbol)
      continue
    }
    const width: u32 = symbol == 16 ? 2 : symbol == 17 ? 3 : 7
    const least: u32 = symbol == 18 ? 11 : 3
    const count = least + (<u32>bits & ((1 << width) - 1))
    bits >>>= width
    held -= width
    if (count > all - i || (symbol == 16 && i == 0)) return false
    memory.fill(lengths + i, symbol == 16 ? load<u8>(lengths + i - 1) : 0, count)
    i += count
  }
  if (load<u8>(lengths + 256) == 0) return false
  set(at, job.input, from)
  set(at, state.held, held)
  store<u64>(at + state.bits, bits)
  const lengthBits = buildCodes(at, at + deflate.lengths, lengths, lengthCount, at + deflate.lengthSymbols, deflate.lengthBits)
  const distanceSymbols = at + deflate.distanceSymbols
  const distanceBits = buildCodes(at, at + deflate.distances, lengths + lengthCount, distanceCount, distanceSymbols, deflate.distanceBits)
  set(at, state.lengthBits, lengthBits)
  set(at, state.distanceBits, distanceBits)
  return lengthBits > 0 && distanceBits > 0
}

/** Room for a piece, with as much history as the member has. */
function pieceRoom(at: usize, bytes: usize): bool {
  set(at, job.history, <usize>min<u64>(load<u64>(at + state.given), historyBytes))
  return room(at, bytes)
}

/** What has been written from `output` on is the member's. */
function finishPiece(at: usize, output: usize, to: usize, isBlockEnd: bool): i32 {
  const made = to - output
  set(at, job.output, to)
  set(at, state.crc, crc32(at + crcTables, at + crcScratch, <u32>get(at, state.crc), output, made))
  store<u64>(at + state.given, load<u64>(at + state.given) + made)
  charge(at, <i32>made + 64)
  if (!isBlockEnd) return step.further
  if (!get(at, state.isLast)) {
    set(at, job.phase, phase.block)
    return step.further
  }
  const from = get(at, job.input) - (get(at, state.held) >>> 3)
  const end = get(at, job.inputEnd)
  if (from > end || end - from < trailerBytes) return step.damaged
  if (load<u32>(from) != <u32>get(at, state.crc) || load<u32>(from, 4) != <u32>load<u64>(at + state.given)) return step.damaged
  set(at, job.input, from + trailerBytes)
  set(at, job.phase, phase.member)
  return step.further
}

function readStored(at: usize): i32 {
  const left = get(at, state.stored)
  const from = get(at, job.input)
  if (left > get(at, job.inputEnd) - from) return step.damaged
  const bytes = min(left, pieceBytes)
  if (!pieceRoom(at, bytes)) return step.window
  const output = get(at, job.output)
  memory.copy(output, from, bytes)
  set(at, job.input, from + bytes)
  set(at, state.stored, left - bytes)
  return finishPiece(at, output, output + bytes, left == bytes)
}

function readCodes(at: usize): i32 {
  if (!pieceRoom(at, pieceBytes + matchBytesMax + 8)) return step.window
  const output = get(at, job.output)
  const pieceEnd = output + pieceBytes
  const given = load<u64>(at + state.given)
  /** Nothing before this address may be meant. */
  const low = output - <usize>min<u64>(given, historyBytes)
  const lengths = at + deflate.lengths
  const distances = at + deflate.distances
  const lengthMask = (<u64>1 << get(at, state.lengthBits)) - 1
  const distanceMask = (<u64>1 << get(at, state.distanceBits)) - 1
  const end = get(at, job.inputEnd)
  let from = get(at, job.input)
  let bits = load<u64>(at + state.bits)
  /** Bits that are held; only the low byte counts. */
  let held = <u32>get(at, state.held)
  let to = output
  let isBlockEnd = false
  bits |= load<u64>(from) << held
  from += 7 - ((held >>> 3) & 7)
  held |= 56
  /** The next entry is read ahead, so that it is there when a copy has ended. */
  let word = load<u32>(lengths + (<usize>(bits & lengthMask) << 2))
  while (to < pieceEnd) {
    // The trailer is behind the block, so that what is held never passes the end.
    if (from > end) return step.damaged
    let before = bits
    bits >>>= word
    held -= word
    if (word & entry.literal) {
      store<u8>(to++, word >>> 16)
      word = load<u32>(lengths + (<usize>(bits & lengthMask) << 2))
      before = bits
      bits >>>= word
      held -= word
      if (word & entry.literal) {
        store<u8>(to++, word >>> 16)
        word = load<u32>(lengths + (<usize>(bits & lengthMask) << 2))
        before = bits
        bits >>>= word
        held -= word
        if (word & entry.literal) {
          store<u8>(to++, word >>> 16)
          bits |= load<u64>(from) << held
          from += 7 - ((held >>> 3) & 7)
          held |= 56
          word = load<u32>(lengths + (<usize>(bits & lengthMask) << 2))
          continue
        }
      }
    }
    if (word & entry.exceptional) {
      if (word & entry.further) {
        const index = (word >>> 16) + (<u32>bits & ((1 << ((word >>> 8) & 0x0f)) - 1))
        word = load<u32>(lengths + (<usize>index << 2))
        before = bits
        bits >>>= word
        held -= word
        if (word & entry.literal) {
          store<u8>(to++, word >>> 16)
          bits |= load<u64>(from) << held
          from += 7 - ((held >>> 3) & 7)
          held |= 56
          word = load<u32>(lengths + (<usize>(bits & lengthMask) << 2))
          continue
        }
      }
      if (word & entry.exceptional) {
        if (!(word & entry.end)) return step.damaged
        isBlockEnd = true
        break
      }
    }
    const length = (word >>> 16) + <u32>((before & ((<u64>1 << word) - 1)) >>> ((word >>> 8) & 0x0f))
    // Three codes may have taken 11, 11 and 20 bits: a distance may need 28.
    if ((held & 0xff) < 28) {
      bits |= load<u64>(from) << held
      from += 7 - ((held >>> 3) & 7)
      held |= 56
    }
    word = load<u32>(distances + (<usize>(bits & distanceMask) << 2))
    if (word & entry.exceptional) {
      if (!(word & entry.further)) return step.damaged
      bits >>>= word
      held -= word
      const index = (word >>> 16) + (<u32>bits & ((1 << ((word >>> 8) & 0x0f)) - 1))
      word = load<u32>(distances + (<usize>index << 2))
      if (word & entry.exceptional) return step.damaged
    }
    const distance = (word >>> 16) + <u32>((bits & ((<u64>1 << word) - 1)) >>> ((word >>> 8) & 0x0f))
    bits >>>= word
    held -= word
    bits |= load<u64>(from) << held
    from += 7 - ((held >>> 3) & 7)
    held |= 56
    word = load<u32>(lengths + (<usize>(bits & lengthMask) << 2))
    if (distance > <u32>(to - low)) return step.damaged
    if (distance >= 16) {
      const source = to - distance
      v128.store(to, v128.load(source))
      if (length > 16) {
        const matchEnd = to + length
        let next = to + 16
        let ahead = source + 16
        do {
          v128.store(next, v128.load(ahead))
          next += 16
          ahead += 16
        } while (next < matchEnd)
      }
    } else copyMatch(to, distance, length)
    to += length
  }
  set(at, job.input, from)
  store<u64>(at + state.bits, bits)
  set(at, state.held, held & 0xff)
  return finishPiece(at, output, to, isBlockEnd)
}
