import { charge, copyLiterals, copyMatch, get, job, room, set, step } from './job.ts'

/**
 * Snappy as Kafka's reader accepts it: bare, or in the frames of Java's snappy library (a magic of eight bytes, two versions, then
 * blocks behind their lengths; frames may follow each other).
 * Sources: snappy's format description; snappy-java's SnappyInputStream.
 */
const magic: u64 = 0x0059505041_4e5382
const frameHeaderBytes: usize = 16

namespace state {
  /** Where the block at hand ends in the input. */
  export const blockEnd: usize = job.decoder
  /** Bytes that it still has to give. */
  export const left: usize = job.decoder + 4
  /** Bytes that it has given. */
  export const given: usize = job.decoder + 8
  export const isBare: usize = job.decoder + 12
}

namespace phase {
  export const start: usize = 0
  export const frame: usize = 1
  export const block: usize = 2
}

/** Output of one step. */
const pieceBytes: usize = 256 << 10
const literalBytesMax: usize = 64 << 10

export function stepSnappy(at: usize): i32 {
  return step.damaged
}
