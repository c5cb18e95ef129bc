import { charge, copyLiterals, copyMatch, get, job, moveBytes, room, set, step } from './job.ts'

/**
 * Snappy as Kafka's reader accepts it: bare, or in the frames of Java's snappy library (a magic of eight bytes, two versions, then
 * blocks behind their lengths; frames may follow each other).
 * Sources: snappy's format description; snappy-java's SnappyInputStream.
 */
const magic: u64 = 0x00595050414e5382
/** How a magic begins, read as the length of a block. */
const magicHead: u32 = 0x82534e41
const frameHeaderBytes: usize = 16
const versionMin: i32 = 1

namespace state {
  /** Where the block at hand ends in the input. */
  export const blockEnd: usize = job.decoder
  /** Bytes that the block still has to give. */
  export const left: usize = job.decoder + 4
  /** Bytes that it has given. */
  export const given: usize = job.decoder + 8
  /** Bytes of the literal at hand that are not copied yet. */
  export const literal: usize = job.decoder + 12
}

namespace phase {
  export const start: usize = 0
  /** Between blocks of a frame, in one, and in the one block of a bare stream. */
  export const frame: usize = 1
  export const block: usize = 2
  export const bare: usize = 3
}

/** Output of one step, but for a match that passes its end. */
const pieceBytes: usize = 128 << 10
const matchBytesMax: usize = 64

export function stepSnappy(at: usize): i32 {
  const now = get(at, job.phase)
  if (now == phase.start) return readStart(at)
  if (now == phase.frame) return readFrame(at)
  return readBlock(at, now)
}

function readStart(at: usize): i32 {
  const input = get(at, job.input)
  const left = get(at, job.inputEnd) - input
  if (left >= frameHeaderBytes && load<u64>(input) == magic) {
    set(at, job.input, input + frameHeaderBytes)
    set(at, job.phase, phase.frame)
    return step.further
  }
  return beginBlock(at, input, left, phase.bare)
}

function readFrame(at: usize): i32 {
  const input = get(at, job.input)
  const left = get(at, job.inputEnd) - input
  // Java's library takes what is too short for a length for the end.
  if (left < 4) return step.end
  const bytes = bswap(load<u32>(input))
  if (bytes == magicHead) {
    // Only here does Java's library compare the version.
    if (left < frameHeaderBytes || load<u64>(input) != magic || bswap(load<i32>(input, 8)) < versionMin) return step.damaged
    set(at, job.input, input + frameHeaderBytes)
    charge(at, 16)
    return step.further
  }
  if (<usize>bytes > left - 4) return step.damaged
  return beginBlock(at, input + 4, bytes, phase.block)
}

/** Reads the length that a block announces. */
function beginBlock(at: usize, from: usize, bytes: usize, next: usize): i32 {
  const end = from + bytes
  let value: u32 = 0
  let shift: u32 = 0
  while (true) {
    if (from >= end || shift > 28) return step.damaged
    const byte = <u32>load<u8>(from++)
    // The fifth byte has four bits of 32.
    if (shift == 28 && byte > 0x0f) return step.damaged
    value |= (byte & 0x7f) << shift
    if (byte < 0x80) break
    shift += 7
  }
  // No element gives more than 64 bytes for 3, so that a larger declared size is false.
  if (value > 0x7fffffff || <u64>value > <u64>(end - from) * 22) return step.damaged
  set(at, job.input, from)
  set(at, job.phase, next)
  set(at, state.blockEnd, end)
  set(at, state.left, value)
  set(at, state.given, 0)
  set(at, state.literal, 0)
  charge(at, 16)
  return step.further
}

/** Literals and copies, until a piece is full or the block has ended. */
function readBlock(at: usize, now: usize): i32 {
  let from = get(at, job.input)
  const start = from
  const fromEnd = get(at, state.blockEnd)
  const left = get(at, state.left)
  const given = get(at, state.given)
  const piece = min(left, pieceBytes)
  const windowBytes = get(at, job.windowEnd) - get(at, job.window)
  set(at, job.history, min(given, windowBytes - min(windowBytes >>> 1, moveBytes)))
  if (!room(at, piece + matchBytesMax)) return step.window
  const output = get(at, job.output)
  const pieceEnd = output + piece
  const outputEnd = output + left
  /** Bytes in front of the output that the block has given and the window buffer still holds. */
  const held = min(given, output - get(at, job.window))
  let literal = get(at, state.literal)
  let to = output
  while (to < pieceEnd) {
    if (literal > 0) {
      const part = min(literal, pieceEnd - to)
      copyLiterals(to, from, part)
      to += part
      from += part
      literal -= part
      continue
    }
    if (from >= fromEnd) break
    const tag = <usize>load<u8>(from++)
    let distance: usize
    let count: usize
    if ((tag & 3) == 0) {
      literal = (tag >>> 2) + 1
      if (literal > 60) {
        const extra = literal - 60
        if (extra > fromEnd - from) return step.damaged
        literal = <usize>(load<u32>(from) & (0xffffffff >>> (32 - 8 * <u32>extra))) + 1
        from += extra
      }
      if (literal == 0 || literal > fromEnd - from || literal > outputEnd - to) return step.damaged
      continue
    }
    const extra: usize = (tag & 3) == 3 ? 4 : tag & 3
    if (extra > fromEnd - from) return step.damaged
    if (extra == 1) {
      distance = ((tag >>> 5) << 8) | <usize>load<u8>(from)
      count = ((tag >>> 2) & 7) + 4
    } else {
      distance = extra == 2 ? <usize>load<u16>(from) : <usize>load<u32>(from)
      count = (tag >>> 2) + 1
    }
    from += extra
    if (distance == 0 || count > outputEnd - to) return step.damaged
    if (distance > held + (to - output)) return distance > given + (to - output) ? step.damaged : step.window
    copyMatch(to, distance, count)
    to += count
  }
  set(at, state.literal, literal)
  set(at, state.given, given + (to - output))
  set(at, state.left, left - (to - output))
  set(at, job.output, to)
  set(at, job.input, from)
  charge(at, <i32>(to - output) + <i32>(from - start) + 16)
  if (to < outputEnd) return from < fromEnd || literal > 0 ? step.further : step.damaged
  if (from < fromEnd) return step.damaged
  if (now == phase.bare) return step.end
  set(at, job.phase, phase.frame)
  return step.further
}
