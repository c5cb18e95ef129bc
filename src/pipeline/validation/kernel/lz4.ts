import { charge, copyLiterals, copyMatch, get, job, room, set, step } from './job.ts'
import { xxhash32 } from './xxhash32.ts'

/**
 * LZ4 frames as Kafka's reader accepts them: version 1, independent blocks, no dictionary. What follows the end mark is ignored.
 * Sources: LZ4 Frame Format 1.6.1, LZ4 Block Format; Kafka's Lz4BlockInputStream.
 */
const magic: u32 = 0x184d2204

namespace flag {
  export const version: u32 = 0xc0
  export const independent: u32 = 0x20
  export const blockChecksum: u32 = 0x10
  export const contentSize: u32 = 0x08
  export const contentChecksum: u32 = 0x04
  export const reserved: u32 = 0x02
}
const stored: u32 = 0x80000000

namespace state {
  export const flags: usize = job.decoder
  export const blockBytesMax: usize = job.decoder + 4
}

namespace phase {
  export const header: usize = 0
  export const block: usize = 1
}

export function stepLz4(at: usize): i32 {
  return get(at, job.phase) == phase.header ? readHeader(at) : readBlock(at)
}

function readHeader(at: usize): i32 {
  const input = get(at, job.input)
  const left = get(at, job.inputEnd) - input
  if (left < 7 || load<u32>(input) != magic) return step.damaged
  const flags = <u32>load<u8>(input + 4)
  const descriptor = <u32>load<u8>(input + 5)
  if ((flags & flag.version) != 0x40 || flags & flag.reserved || !(flags & flag.independent) || flags & 1) return step.damaged
  const size = descriptor >>> 4
  if (size < 4 || size > 7 || descriptor & 0x0f) return step.damaged
  const bytes: usize = flags & flag.contentSize ? 10 : 2
  if (left < 4 + bytes + 1) return step.damaged
  const checksum = (xxhash32(input + 4, bytes) >>> 8) & 0xff
  if (<u32>load<u8>(input + 4 + bytes) != checksum) return step.damaged
  set(at, state.flags, flags)
  set(at, state.blockBytesMax, 1 << (8 + 2 * size))
  set(at, job.input, input + 4 + bytes + 1)
  set(at, job.history, 0)
  set(at, job.phase, phase.block)
  return step.further
}

function readBlock(at: usize): i32 {
  let input = get(at, job.input)
  const left = get(at, job.inputEnd) - input
  if (left < 4) return step.damaged
  const word = load<u32>(input)
  input += 4
  const bytes = <usize>(word & ~stored)
  const flags = <u32>get(at, state.flags)
  if (bytes == 0) {
    // Kafka reads a content checksum and does not compare it: the batch has a checksum of its own.
    if (flags & flag.contentChecksum && left < 8) return step.damaged
    return step.end
  }
  const blockBytesMax = get(at, state.blockBytesMax)
  const trailer: usize = flags & flag.blockChecksum ? 4 : 0
  if (bytes > blockBytesMax || bytes > left - 4 || bytes + trailer > left - 4) return step.damaged
  if (!room(at, blockBytesMax)) return step.window
  const output = get(at, job.output)
  let end: usize
  if (word & stored) {
    memory.copy(output, input, bytes)
    end = output + bytes
  } else {
    end = decodeBlock(input, input + bytes, output, output + blockBytesMax)
    // Kafka's reader takes a block that gives nothing for an interruption, in the middle of a field for another field.
    if (end <= output) return step.damaged
  }
  if (trailer > 0 && load<u32>(input + bytes) != xxhash32(input, bytes)) return step.damaged
  charge(at, <i32>(end - output) + 64)
  set(at, job.output, end)
  set(at, job.input, input + bytes + trailer)
  return step.further
}

/** The end of a block, as LZ4's own decoder demands it: a match leaves 5 bytes of literals, and begins 12 bytes before what fits. */
namespace ending {
  export const token: usize = 1
  export const offset: usize = 2
  export const literals: usize = 5
  export const matchRoom: usize = 12
}

/** Literals and matches in turn; the last sequence has no match. Returns where the output ends, 0 for damage. */
function decodeBlock(from: usize, fromEnd: usize, output: usize, outputEnd: usize): usize {
  let to = output
  while (from < fromEnd) {
    const token = <usize>load<u8>(from++)
    let count = token >>> 4
    if (count == 15) {
      let more: usize
      do {
        if (from >= fromEnd) return 0
        more = <usize>load<u8>(from++)
        count += more
      } while (more == 255)
    }
    if (count > 0) {
      if (count > fromEnd - from || count > outputEnd - to) return 0
      copyLiterals(to, from, count)
      to += count
      from += count
    }
    if (from == fromEnd) return to
    if (fromEnd - from < ending.offset + ending.token + ending.literals || outputEnd - to < ending.matchRoom) return 0
    const distance = <usize>load<u16>(from)
    from += 2
    if (distance == 0 || distance > to - output) return 0
    count = token & 15
    if (count == 15) {
      let more: usize
      do {
        if (from >= fromEnd) return 0
        more = <usize>load<u8>(from++)
        count += more
      } while (more == 255)
    }
    count += 4
    if (fromEnd - from < ending.token + ending.literals || count > outputEnd - to - ending.literals) return 0
    copyMatch(to, distance, count)
    to += count
  }
  return 0
}
