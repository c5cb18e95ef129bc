import { decodeFour, decodeStream, huffmanBits, readHuffman } from './huffman.ts'
import { charge, get, job, moveBytes, room, set, step } from './job.ts'
import { addXxhash64, beginXxhash64, finishXxhash64 } from './xxhash64.ts'
import { beginSequences, progress, readTables, runSequences } from './zstd-sequences.ts'
import { table } from './zstd-tables.ts'

/**
 * Zstandard as Kafka's reader accepts it: frames after each other, skippable ones among them; windows up to 128 MiB; no dictionary;
 * checksums are compared. Sources: RFC 8878; libzstd, for what it rejects.
 *
 * A step is a header or a block.
 */
const magic: u32 = 0xfd2fb528
const skippable: u32 = 0x184d2a50
const skippableMask: u32 = 0xfffffff0
const blockBytesMax: u64 = 128 << 10
const windowBytesMax: u64 = (128 << 20) + 1
const windowLogMax: u32 = 27
const unknown: u64 = -1

namespace flag {
  export const dictionary: u32 = 0x03
  export const checksum: u32 = 0x04
  export const reserved: u32 = 0x08
  export const single: u32 = 0x20
}

namespace state {
  /** Fields of the frame header. */
  export const flags: usize = job.decoder
  export const windowBytes: usize = job.decoder + 4
  export const blockBytesMax: usize = job.decoder + 8
  export const contentBytes: usize = job.decoder + 16
  /** Bytes that the frame has given. */
  export const given: usize = job.decoder + 24
  /** The width of the Huffman table, 0 before the first. */
  export const huffmanBits: usize = job.decoder + 32
  export const sum: usize = job.decoder + 40
}

namespace phase {
  export const frame: usize = 0
  export const block: usize = 1
}

namespace kind {
  export const raw: u32 = 0
  export const repeated: u32 = 1
  export const compressed: u32 = 2
}

/** Room between the output and literals that lie in front of it: copies go in steps of 16. */
const gapBytes: usize = 32

export function stepZstd(at: usize): i32 {
  return get(at, job.phase) == phase.block ? readBlock(at) : readFrame(at)
}

function readFrame(at: usize): i32 {
  const input = get(at, job.input)
  const left = get(at, job.inputEnd) - input
  charge(at, 64)
  set(at, job.phase, phase.frame)
  if (left == 0) return step.end
  if (left < 5) return step.damaged
  const word = load<u32>(input)
  if ((word & skippableMask) == skippable) {
    if (left < 8) return step.damaged
    const bytes = <usize>load<u32>(input, 4)
    if (bytes > left - 8) return step.damaged
    set(at, job.input, input + 8 + bytes)
    return step.further
  }
  if (word != magic) return step.damaged
  const flags = <u32>load<u8>(input, 4)
  if (flags & flag.reserved) return step.damaged
  const isSingle = (flags & flag.single) != 0
  const dictionaryBytes: usize = (flags & flag.dictionary) == 3 ? 4 : flags & flag.dictionary
  const sizeCode = flags >>> 6
  const sizeBytes: usize = sizeCode == 0 ? <usize>isSingle : 1 << sizeCode
  let from = input + 5
  if (left < 5 + <usize>!isSingle + dictionaryBytes + sizeBytes) return step.damaged
  let windowBytes: u64 = 0
  if (!isSingle) {
    const descriptor = <u32>load<u8>(from++)
    const log = (descriptor >>> 3) + 10
    if (log > windowLogMax) return step.damaged
    windowBytes = <u64>1 << log
    windowBytes += (windowBytes >>> 3) * (descriptor & 7)
  }
  for (let i: usize = 0; i < dictionaryBytes; i++) if (load<u8>(from + i) != 0) return step.damaged
  from += dictionaryBytes
  let contentBytes = unknown
  if (sizeBytes == 1) contentBytes = <u64>load<u8>(from)
  else if (sizeBytes == 2) contentBytes = <u64>load<u16>(from) + 256
  else if (sizeBytes == 4) contentBytes = <u64>load<u32>(from)
  else if (sizeBytes == 8) contentBytes = load<u64>(from)
  if (isSingle) windowBytes = contentBytes
  if (windowBytes > windowBytesMax) return step.damaged
  set(at, job.input, from + sizeBytes)
  set(at, job.phase, phase.block)
  set(at, state.flags, flags)
  set(at, state.windowBytes, <usize>windowBytes)
  set(at, state.blockBytesMax, <usize>min(windowBytes, blockBytesMax))
  store<u64>(at + state.contentBytes, contentBytes)
  store<u64>(at + state.given, 0)
  set(at, state.huffmanBits, 0)
  beginSequences(at)
  if (flags & flag.checksum) beginXxhash64(at + state.sum)
  return step.further
}

function readBlock(at: usize): i32 {
  const input = get(at, job.input)
  const left = get(at, job.inputEnd) - input
  if (left < 3) return step.damaged
  const header = <u32>load<u16>(input) | (<u32>load<u8>(input, 2) << 16)
  const what = (header >>> 1) & 3
  const size = <usize>(header >>> 3)
  const bytes: usize = what == kind.repeated ? 1 : size
  const blockBytesMax = get(at, state.blockBytesMax)
  if (size > blockBytesMax || bytes > left - 3) return step.damaged

  const given = load<u64>(at + state.given)
  const most = what == kind.compressed ? blockBytesMax : size
  const held = get(at, job.windowEnd) - get(at, job.window)
  const need = most + gapBytes + 64
  if (need + get(at, job.output) - get(at, job.checked) > held) return step.window
  const history = min<u64>(given, get(at, state.windowBytes))
  // A part of the buffer is for output between two moves of the history: small blocks may not move it each time.
  set(at, job.history, <usize>min<u64>(history, held - need - min((held - need) >>> 2, moveBytes)))
  if (!room(at, most + gapBytes)) return step.window
  const output = get(at, job.output)
  const from = input + 3
  let end = output + size
  if (what == kind.raw) memory.copy(output, from, size)
  else if (what == kind.repeated) memory.fill(output, load<u8>(from), size)
  else if (what == kind.compressed) {
    end = decodeBlock(at, from, from + size, output, most, given)
    if (end == 0) return step.damaged
    if (end == 1) return step.window
  } else return step.damaged

  const made = end - output
  charge(at, <i32>made + 64)
  set(at, job.output, end)
  store<u64>(at + state.given, given + made)
  const flags = <u32>get(at, state.flags)
  if (flags & flag.checksum) addXxhash64(at + state.sum, output, made)
  const next = from + bytes
  set(at, job.input, next)
  return header & 1 ? finishFrame(at, next, flags) : step.further
}

function finishFrame(at: usize, from: usize, flags: u32): i32 {
  const contentBytes = load<u64>(at + state.contentBytes)
  if (contentBytes != unknown && contentBytes != load<u64>(at + state.given)) return step.damaged
  if (flags & flag.checksum) {
    if (get(at, job.inputEnd) - from < 4 || load<u32>(from) != <u32>finishXxhash64(at + state.sum)) return step.damaged
    set(at, job.input, from + 4)
  }
  set(at, job.phase, phase.frame)
  return step.further
}

namespace literals {
  export const raw: u32 = 0
  export const repeated: u32 = 1
  export const packed: u32 = 2
}
const fourStreamsMin: usize = 6

/** Returns where the output ends, 0 for damage, 1 for a window buffer that is too small. */
function decodeBlock(at: usize, from: usize, end: usize, to: usize, bytesMax: usize, given: u64): usize {
  if (end - from < 2) return 0
  const first = <u32>load<u8>(from)
  const what = first & 3
  const form = (first >>> 2) & 3
  let place: usize
  let count: usize
  if (what < literals.packed) {
    const headerBytes: usize = form == 1 ? 2 : form == 3 ? 3 : 1
    if (end - from < headerBytes) return 0
    count = headerBytes == 1 ? first >>> 3 : (load<u32>(from) & (headerBytes == 2 ? 0xffff : 0xffffff)) >>> 4
    from += headerBytes
    if (count > bytesMax) return 0
    if (what == literals.raw) {
      if (count > end - from) return 0
      place = from
      from += count
    } else {
      if (from == end) return 0
      place = to + bytesMax - count + gapBytes
      memory.fill(place, load<u8>(from), count)
      from++
    }
  } else {
    if (end - from < 5) return 0
    const headerBytes: usize = form < 2 ? 3 : form + 2
    const sizeBits: u64 = form < 2 ? 10 : form == 2 ? 14 : 18
    const header = load<u64>(from)
    count = <usize>((header >>> 4) & ((1 << sizeBits) - 1))
    const bytes = <usize>((header >>> (4 + sizeBits)) & ((1 << sizeBits) - 1))
    from += headerBytes
    if (count > bytesMax || bytes > end - from || (form > 0 && count < fourStreamsMin)) return 0
    const next = from + bytes
    if (what == literals.packed) {
      from = readHuffman(at, from, next)
      if (from == 0) return 0
      set(at, state.huffmanBits, huffmanBits)
      charge(at, 1024)
    }
    const wide = <u32>get(at, state.huffmanBits)
    if (wide == 0) return 0
    place = to + bytesMax - count + gapBytes
    const codes = at + table.huffman
    const isRight = form == 0 ? decodeStream(codes, wide, from, next, place, place + count) : decodeFour(codes, wide, from, next, place, count)
    if (!isRight) return 0
    from = next
  }
  return decodeSequences(at, from, end, to, place, count, bytesMax, given)
}

function decodeSequences(at: usize, from: usize, end: usize, to: usize, place: usize, literals: usize, bytesMax: usize, given: u64): usize {
  if (from >= end) return 0
  let count = <u32>load<u8>(from++)
  if (count > 127) {
    if (count < 255) {
      if (from >= end) return 0
      count = ((count - 128) << 8) | <u32>load<u8>(from++)
    } else {
      if (end - from < 2) return 0
      count = <u32>load<u16>(from) + 0x7f00
      from += 2
    }
  }
  if (count == 0) {
    if (from != end) return 0
    memory.copy(to, place, literals)
    return to + literals
  }
  from = readTables(at, from, end)
  if (from == 0) return 0
  const held = to - get(at, job.window)
  const low = given < held ? to - <usize>given : get(at, job.window)
  const ended = runSequences(at, from, end, count, to, place, place + literals, <i32>(bytesMax - literals), low, get(at, state.windowBytes))
  // Before the frame there is nothing.
  return ended == 1 && get(at, progress.distance) > given + (get(at, progress.to) - to) ? 0 : ended
}
